"""Tuning: a search for the settings of a corpus, by validation only."""
