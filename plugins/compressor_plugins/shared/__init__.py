"""What several techniques share: finding kernels, frozen layers, and naming precisions."""
