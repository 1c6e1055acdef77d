"""Low-rank factorization of dense and convolutional kernels."""
