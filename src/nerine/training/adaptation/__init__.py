"""Adaptation: continued masked-language training of an encoder on raw text."""
