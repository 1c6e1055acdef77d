"""Strategies that only train."""
