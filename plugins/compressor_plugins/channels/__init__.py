"""Structured pruning and growth: whole channels are removed, or copied."""
