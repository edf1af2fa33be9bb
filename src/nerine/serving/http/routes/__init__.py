"""The contracts that the server speaks, one module each."""
