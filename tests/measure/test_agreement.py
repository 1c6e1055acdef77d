"""The gap between a file and its Keras model: a share of the outputs' range, unless it is rounding alone."""

import numpy as np
import pytest

from compressor.measure.agreement import Comparison


def largest(keras, gap):
    comparison = Comparison()
    outputs = np.array(keras, np.float32)[:, None]
    comparison.add({"out": (outputs + np.float32(gap)).astype(np.float32)}, {"out": outputs}, {})
    return comparison.agreement().largest


def test_a_gap_is_a_share_of_the_range_of_the_outputs():
    assert largest([-1, 1, 3], 0.04) == pytest.approx(0.01, rel=1e-4)
    assert largest([5, 5.0001], 0.01) == pytest.approx(100, rel=0.01)


def test_rounding_of_outputs_that_hardly_differ_is_a_share_of_their_size():
    assert largest([5, 5.000001], 1e-6) == pytest.approx(2e-7, rel=0.1)
    assert largest([5, 5], 0.01) == pytest.approx(0.002, rel=0.01)
    assert largest([0, 0], 0.25) == 0.25
