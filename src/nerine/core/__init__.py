"""Values and rules that every other room uses. The standard library and `regex` only."""
