"""Questions about drawn figures: geometry, charts."""
