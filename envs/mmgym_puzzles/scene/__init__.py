"""A three-dimensional scene drawn on the processor."""
