"""Tools for those who work on Nerine; they are no part of the package."""
