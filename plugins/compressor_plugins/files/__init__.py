"""Strategies that work on the finished file: dropping what no runtime reads, and packing."""
