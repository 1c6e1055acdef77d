"""Kernels as products of smaller ones, and how small they may be."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]


def rank_for(singular: NDArray[np.float64], energy: float) -> int:
    """The least rank that keeps a share of the energy, the sum of squares of the singular values."""
    kept = np.cumsum(singular**2)
    return int(np.searchsorted(kept, energy * kept[-1] * (1 - 1e-12))) + 1 if kept[-1] else 1


def spectrum(matrix: NDArray[Any]) -> NDArray[np.float64]:
    """Singular values, the largest first."""
    values: NDArray[np.float64] = np.linalg.svd(matrix.astype(np.float64), compute_uv=False)
    return values


def svd_factors(matrix: NDArray[Any], rank: int) -> tuple[Matrix, Matrix]:
    """Two matrices, of shapes (inputs, rank) and (rank, outputs), whose product is nearest to the matrix.

    The singular values are shared out between both, so that both have weights of one scale.
    """
    left, values, right = np.linalg.svd(matrix.astype(np.float64), full_matrices=False)
    root = np.sqrt(values[:rank])
    return left[:, :rank] * root, root[:, None] * right[:rank]


def unfolded(kernel: NDArray[Any], axis: int) -> Matrix:
    """A kernel as a matrix with one axis as its rows."""
    rows: Matrix = np.moveaxis(kernel.astype(np.float64), axis, 0).reshape(kernel.shape[axis], -1)
    return rows


def tucker_factors(kernel: NDArray[Any], taken: int, made: int, sweeps: int = 10) -> tuple[Matrix, Matrix, Matrix]:
    """Tucker-2: a kernel of shape (height, width, inputs, outputs) as three.

    Of shapes (inputs, taken), (height, width, taken, made) and (made, outputs). Higher-order orthogonal iteration
    from the truncated higher-order SVD (De Lathauwer et al. 2000), as Kim et al. 2016 (arXiv 1511.06530) use it.
    """
    whole = kernel.astype(np.float64)
    first, last = _leading(unfolded(whole, 2), taken), _leading(unfolded(whole, 3), made)
    for _ in range(sweeps):
        first = _leading(unfolded(np.einsum("hwio,oq->hwiq", whole, last), 2), taken)
        last = _leading(unfolded(np.einsum("hwio,ip->hwpo", whole, first), 3), made)
    core = np.einsum("hwio,ip,oq->hwpq", whole, first, last)
    return first, core, last.T


def _leading(matrix: Matrix, rank: int) -> Matrix:
    vectors: Matrix = np.linalg.svd(matrix, full_matrices=False)[0][:, :rank]
    return vectors
