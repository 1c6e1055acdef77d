"""Strategies that make the finished file smaller: removing what no runtime reads, and packing."""
