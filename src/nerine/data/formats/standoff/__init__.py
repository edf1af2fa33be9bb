"""Formats of a text with ranges beside it, as annotation tools and shared tasks write them."""
