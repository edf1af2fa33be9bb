"""Servers around `pipeline("ner")` as users write them; each is a script of its own."""
