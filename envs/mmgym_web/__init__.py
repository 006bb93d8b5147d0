"""Web environments in a real browser. Only the table of ids: the environments are imported when they are made."""
