"""From one sequence to another: encoder and decoder, with attention and without."""
