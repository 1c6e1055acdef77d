"""Weight clustering: the weights of a kernel share a few values."""
