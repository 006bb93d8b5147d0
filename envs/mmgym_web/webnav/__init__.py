"""WebNav: a procedural web of many sites, and tasks on them."""
