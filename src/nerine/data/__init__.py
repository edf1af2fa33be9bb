"""Files and hub data sets → documents: formats, corpora, splits, statistics."""
