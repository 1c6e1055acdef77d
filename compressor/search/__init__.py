"""Searches: tries recipes of a search space on the validation split, and keeps the best of them as plain recipes."""
