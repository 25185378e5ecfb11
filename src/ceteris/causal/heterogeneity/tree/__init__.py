"""One causal tree: grown and pruned on one half of the rows, estimated on the other, printed and drawn."""
