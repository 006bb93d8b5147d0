"""High-resolution pictures that are looked at in parts: drawn ones with their families of questions, and files."""
