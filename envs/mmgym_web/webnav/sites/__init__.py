"""The sites of WebNav, a package each."""
