"""What knows nothing of models: errors, parameters, text, sizes, hashing and files that are written whole."""
