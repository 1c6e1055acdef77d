"""Training for code length: weights become whole numbers of a step, and few bits in the package."""
