"""Factors a kernel into smaller ones, and finds the ranks that this takes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]


def rank_for(singular: NDArray[np.float64], energy: float) -> int:
    """The lowest rank that keeps a share of the energy, which is the sum of the squared singular values."""
    kept = np.cumsum(singular**2)
    return int(np.searchsorted(kept, energy * kept[-1] * (1 - 1e-12))) + 1 if kept[-1] else 1


def spectrum(matrix: NDArray[Any]) -> NDArray[np.float64]:
    """The singular values of a matrix, the largest first."""
    return _svd(matrix)[1]


def svd_factors(matrix: NDArray[Any], rank: int) -> tuple[Matrix, Matrix]:
    """Two matrices, of shapes (inputs, rank) and (rank, outputs), whose product is the nearest to a matrix.

    Each of them takes the square roots of the singular values, so that their weights are of the same scale.
    """
    left, values, right = _svd(matrix)
    root = np.sqrt(values[:rank])
    return left[:, :rank] * root, root[:, None] * right[:rank]


def unfolded(kernel: NDArray[Any], axis: int) -> Matrix:
    """A kernel unfolded into a matrix, with one of its axes as the rows."""
    rows: Matrix = np.moveaxis(kernel.astype(np.float64), axis, 0).reshape(kernel.shape[axis], -1)
    return rows


def tucker_factors(
    kernel: NDArray[Any], input_rank: int, output_rank: int, sweeps: int = 10
) -> tuple[Matrix, Matrix, Matrix]:
    """Factor a kernel of shape (height, width, inputs, outputs) into three, by Tucker-2.

    Their shapes are (inputs, input_rank), (height, width, input_rank, output_rank) and (output_rank, outputs).
    Higher-order orthogonal iteration, started from the truncated higher-order SVD (De Lathauwer et al. 2000), as in
    Kim et al. 2016 (arXiv 1511.06530).
    """
    whole = kernel.astype(np.float64)
    first, last = _leading(unfolded(whole, 2), input_rank), _leading(unfolded(whole, 3), output_rank)
    for _ in range(sweeps):
        first = _leading(unfolded(np.einsum("hwio,oq->hwiq", whole, last), 2), input_rank)
        last = _leading(unfolded(np.einsum("hwio,ip->hwpo", whole, first), 3), output_rank)
    core = np.einsum("hwio,ip,oq->hwpq", whole, first, last)
    return first, core, last.T


def _leading(matrix: Matrix, rank: int) -> Matrix:
    return _svd(matrix)[0][:, :rank]


def _svd(matrix: NDArray[Any]) -> tuple[Matrix, NDArray[np.float64], Matrix]:
    """The thin singular value decomposition: matrices of shapes (rows, k) and (k, columns), and k values between them.

    By TensorFlow, which gives the same numbers on any number of cores; NumPy's depend on the threads of its BLAS.
    """
    import tensorflow as tf

    values, left, right = tf.linalg.svd(tf.constant(matrix, tf.float64))
    return left.numpy(), values.numpy(), right.numpy().T
