"""What several techniques share: finding kernels, keeping zeros and clusters, and naming precisions."""
