"""The default recipe on a panel of corpora, next to other programs."""
