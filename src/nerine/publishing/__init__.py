"""Saved evaluations, the model card, and the push to the hub."""
