"""Training: from a corpus, or a teacher and texts, to a checkpoint."""
