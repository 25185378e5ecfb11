"""Synthetic tables: mixed columns as a net sees them, a conditional Wasserstein GAN, and how good its rows are."""
