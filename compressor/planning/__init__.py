"""Turns a recipe and the installed plugins into a checked plan."""
