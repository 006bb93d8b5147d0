"""Table-top manipulation: a gripper, things on a table, and the laws of mechanics."""
