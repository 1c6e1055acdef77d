"""Measurements of the file that would ship, and checks that data fits a model and steps keep what others made."""
