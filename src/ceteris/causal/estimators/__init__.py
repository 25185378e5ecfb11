"""Estimators of causal effects, one method a file; ``ceteris.causal`` offers their names."""
