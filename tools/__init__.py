"""Tools for the development of Nerine, not part of the package."""
