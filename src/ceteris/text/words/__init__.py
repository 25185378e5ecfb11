"""Vectors of words learnt from a corpus: counts, skip-grams, their stability and what they say about groups."""
