"""Real applications that others wrote, as environments: Roundup, an issue tracker, and An Otter Wiki."""
