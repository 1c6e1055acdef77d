"""Building blocks that know nothing of models: errors, parameters, text, sizes, hashing and atomic file writes."""
