"""What sites and tasks are made of."""
