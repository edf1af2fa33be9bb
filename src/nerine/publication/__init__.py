"""To be moved."""
