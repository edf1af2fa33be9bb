"""Trials of what goes beyond the plan of `nerine train`, by validation only."""
