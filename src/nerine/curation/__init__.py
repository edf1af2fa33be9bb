"""Whether a corpus is right: checks and label errors."""
