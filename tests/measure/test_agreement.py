"""The gap between a file and its Keras model: a share of the outputs' range, unless it is rounding alone."""

import numpy as np
import pytest

from compressor.measure.agreement import Comparison, Precision

FLOAT32, INT8 = Precision(32, 4, 13), Precision(8, 4, 8)


def largest(keras, gap):
    comparison = Comparison()
    outputs = np.array(keras, np.float32)[:, None]
    comparison.add({"out": (outputs + np.float32(gap)).astype(np.float32)}, {"out": outputs}, {})
    return comparison.agreement(FLOAT32).largest


def test_a_gap_is_a_share_of_the_range_of_the_outputs():
    assert largest([-1, 1, 3], 0.04) == pytest.approx(0.01, rel=1e-4)
    assert largest([5, 5.0001], 0.01) == pytest.approx(100, rel=0.01)


def test_rounding_of_outputs_that_hardly_differ_is_a_share_of_their_size():
    assert largest([5, 5.000001], 1e-6) == pytest.approx(2e-7, rel=0.1)
    assert largest([5, 5], 0.01) == pytest.approx(0.002, rel=0.01)
    assert largest([0, 0], 0.25) == 0.25


def agreement(file, other, precision=INT8):
    comparison = Comparison()
    for batch in (slice(0, 100), slice(100, None)):
        comparison.add({"out": file[batch]}, {"out": other[batch]}, {"out": np.zeros(len(other))[batch]})
    return comparison.agreement(precision)


def test_signal_to_noise_is_the_power_about_the_mean_over_that_of_the_difference():
    draw = np.random.default_rng(0)
    other = draw.normal(7, 2, (4000, 3)).astype(np.float32)
    file = other + draw.normal(0, 0.2, other.shape).astype(np.float32)
    assert agreement(file, other).signal_to_noise == pytest.approx(20, abs=0.2)
    assert agreement(other, other).signal_to_noise == 150
    assert agreement(file * np.nan, other).signal_to_noise == -150


def test_outputs_of_another_order_are_no_better_than_noise():
    other = np.random.default_rng(0).normal(size=(4000, 3)).astype(np.float32)
    found = agreement(other[:, ::-1], other)
    assert found.signal_to_noise == pytest.approx(-1.25, abs=0.2)  # a third of the values stays in its place
    assert found.least == pytest.approx(6.02 * 8 - 20 - 10 * np.log10(8))
    assert found.same_class == pytest.approx(1 / 3, abs=0.03)


@pytest.mark.parametrize(
    ("bits", "kernels", "least"), [(8, 4, 19.13), (8, 53, 7.91), (11, 4, 37.19), (4, 4, 0), (2, 10, 0), (32, 9, 20)]
)
def test_fewer_bits_and_more_kernels_explain_more_noise_but_never_more_than_the_signal(bits, kernels, least):
    assert Precision(bits, kernels, 13).least == pytest.approx(least, abs=0.01)


def test_an_output_in_integers_may_be_off_by_two_steps_however_little_it_varies():
    other = np.random.default_rng(0).normal(10, 0.01, (4000, 1)).astype(np.float32)
    step = other.max() / 256
    off = agreement(other + 1.9 * step, other)
    assert off.signal_to_noise < 0
    assert off.signal_to_noise > off.least
    further = agreement(other + 2.1 * step, other)
    assert further.signal_to_noise < further.least


def test_the_sample_at_which_each_output_differs_most_is_known():
    other = np.zeros((200, 2), np.float32)
    file = other.copy()
    file[150, 1] = 3
    comparison = Comparison()
    for batch in (slice(0, 100), slice(100, None)):
        comparison.add({"a": file[batch], "b": other[batch]}, {"a": other[batch], "b": other[batch]}, {})
    assert comparison.worst == [0, 150]
