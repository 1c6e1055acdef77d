"""Histograms of weights are of the numbers that the model computes with, whatever a file stores for them."""

from types import SimpleNamespace

import numpy as np
import pytest

from compressor.models.litert.format.tensor_types import TensorType
from compressor.models.litert.reading import spread as spreads
from compressor.models.litert.reading.spread import Spread


def scaled(scale, zero=(0,), axis=0):
    return SimpleNamespace(scale=np.array(scale, np.float32), zeroPoint=np.array(zero), quantizedDimension=axis)


def spread_of(*stored):
    return spreads.spread_of(spreads.real_values(*stored))


def test_zeros_are_left_out_and_the_rest_is_counted_in_bins_of_one_width():
    values = np.concatenate([np.zeros(50), np.linspace(-1, 1, 64)]).astype(np.float32)
    found = spread_of(values, TensorType.FLOAT32, (114,), None)
    assert (found.low, found.high) == (-1, 1)
    assert found.counts == (2,) * 32


def test_integers_are_taken_times_their_scale_channel_by_channel():
    values = np.array([[-2, 1], [-2, 1]], np.int8)
    assert spread_of(values.ravel(), TensorType.INT8, (2, 2), scaled([0.5, 0.25])).low == -1
    by_column = spread_of(values.ravel(), TensorType.INT8, (2, 2), scaled([0.5, 0.25], (0, 0), axis=1))
    assert (by_column.low, by_column.high) == (-1, 0.25)
    shifted = spread_of(np.array([3, 5], np.uint8), TensorType.UINT8, (2,), scaled([0.5], [3]))
    assert shifted == Spread(1.0, 1.0, (1,))


def test_four_bits_have_a_sign_and_bfloat16_is_half_of_a_float():
    assert spread_of(np.array([0xF, 7], np.uint8), TensorType.INT4, (2,), scaled([1.0])).low == -1
    bits = np.array([1.5], np.float32).view(np.uint32) >> 16
    assert spread_of(bits.astype(np.uint16), TensorType.BFLOAT16, (1,), None) == Spread(1.5, 1.5, (1,))


@pytest.mark.parametrize("values", [[0.0, 0.0], [1.0, np.nan], [1.0, np.inf], [1.0, -np.inf]])
def test_a_tensor_of_zeros_or_with_a_number_that_is_not_finite_has_none(values):
    assert spread_of(np.array(values, np.float32), TensorType.FLOAT32, (2,), None) is None


@pytest.mark.parametrize("quantization", [
    scaled([]), scaled([1.0, 2.0, 3.0]), scaled([1.0, 2.0], [], 7), scaled([np.inf]), scaled([1.0, 2.0], [0, 0, 0]),
])  # fmt: skip
def test_scales_that_do_not_fit_do_no_harm(quantization):
    found = spread_of(np.array([1, 2], np.int8), TensorType.INT8, (2,), quantization)
    assert found is None or np.isfinite(found.high)
