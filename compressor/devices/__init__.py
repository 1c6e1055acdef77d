"""Devices: what runs on them, how much memory they have, and whether a file fits."""
