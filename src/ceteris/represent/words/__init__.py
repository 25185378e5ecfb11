"""Word vectors: corpora, skip-gram and GloVe, scales, stability over runs, and regression on what a word means."""
