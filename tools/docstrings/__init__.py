"""Checks that docstrings say what users need: shapes, units, errors, and sources.

ruff sees to it that every public thing has a docstring. This tool reads what stands in those of
the public face: `nerine.__all__`, and all that users get in hand through it.
"""
