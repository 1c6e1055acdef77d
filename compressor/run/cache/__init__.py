"""The step cache: what was made before, by the hash of all that went into it."""
