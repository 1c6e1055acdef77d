"""Running a plan: stages, their files, the run folder and the lock file."""
