"""What several techniques need to know of kernels, kept structure and precision."""
