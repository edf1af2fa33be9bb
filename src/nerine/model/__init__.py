"""Text → documents with entities."""
