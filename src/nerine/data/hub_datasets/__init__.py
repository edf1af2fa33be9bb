"""Hub datasets."""
