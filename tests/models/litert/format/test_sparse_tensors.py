"""Tensors stored without their zeros: what is written is read again, and takes the bytes that it is said to take."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes

from compressor.models.litert.format.sparse_tensors import dense_values, index_bytes, sparse_values


@given(
    shape=array_shapes(min_dims=2, max_dims=5, max_side=7),
    share=st.sampled_from([0, 0.3, 0.9, 1]),
    dtype=st.sampled_from([np.float32, np.float16]),
    seed=st.integers(0, 99),
)
def test_what_is_stored_without_zeros_is_read_again(shape, share, dtype, seed):
    random = np.random.default_rng(seed)
    dense = np.where(random.random(shape) < share, 0, random.normal(size=shape)).astype(dtype)
    values, sparsity = sparse_values(dense)
    assert len(values) == np.count_nonzero(dense)
    assert np.array_equal(dense_values(values, shape, sparsity, 0).reshape(shape), dense)


@pytest.mark.parametrize(
    ("shape", "count", "order", "bytes_of_places"),
    [
        ((10, 300), 100, [0, 1], 2 * 100 + 11),
        ((10, 300), 600, [1, 0], 600 + 2 * 301),  # 300 rows of 10, whose places take a byte each
        ((64, 3, 3, 32), 5000, [1, 2, 3, 0], 5000 + 2 * (9 * 32 + 1)),
        ((2, 70_000), 3, [0, 1], 4 * 3 + 3),
    ],
)
def test_rows_run_along_the_axis_with_the_fewest_bytes(shape, count, order, bytes_of_places):
    dense = np.zeros(shape, np.float32)
    dense.reshape(-1)[np.random.default_rng(0).permutation(dense.size)[:count]] = 1
    dense.reshape(-1)[-1] = 1  # the farthest place, so that the type of the places is the one of the shape
    count = np.count_nonzero(dense)
    values, sparsity = sparse_values(dense)
    assert list(sparsity.traversalOrder) == order
    assert abs(index_bytes(sparsity) - bytes_of_places) <= 4
    assert np.array_equal(dense_values(values, shape, sparsity, 0).reshape(shape), dense)
