"""The report of a run, and its rendering for people."""
