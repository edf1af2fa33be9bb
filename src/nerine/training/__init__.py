"""Corpus → checkpoint."""
