"""Tables of ids, one for each family: strings alone, so that reading them imports no environment."""
