"""Magnitude pruning during training."""
