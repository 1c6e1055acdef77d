"""Runs a plan: the stages and their files, the run folder and the lock file."""
