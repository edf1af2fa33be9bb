"""What those who work on Nerine use, and its users don't: no part of the package."""
