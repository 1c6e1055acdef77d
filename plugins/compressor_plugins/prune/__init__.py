"""Magnitude pruning while training."""
