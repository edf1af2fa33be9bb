"""Benchmarks: every speed is a ratio against a named peer, measured side by side in one run."""
