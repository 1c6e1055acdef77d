"""Weight clustering: kernels share a few centroids."""
