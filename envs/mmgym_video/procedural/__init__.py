"""Videos that are drawn on demand, and questions about them with exact answers."""
