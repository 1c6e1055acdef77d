"""Intervals and tests, held against SciPy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from compressor.measure.statistics import change, score


@given(right=st.integers(0, 200), wrong=st.integers(0, 200))
def test_the_interval_of_a_share_is_wilsons(right, wrong):
    if right + wrong == 0:
        return
    ours = score(np.array([1.0] * right + [0.0] * wrong))
    theirs = stats.binomtest(right, right + wrong).proportion_ci(0.95, method="wilson")
    assert ours.low == pytest.approx(theirs.low, abs=1e-6)
    assert ours.high == pytest.approx(theirs.high, abs=1e-6)


@given(gained=st.integers(0, 60), lost=st.integers(0, 60), same=st.integers(1, 20))
def test_the_test_of_two_accuracies_is_mcnemars_exact_one(gained, lost, same):
    before = np.array([0.0] * gained + [1.0] * lost + [1.0] * same)
    after = np.array([1.0] * gained + [0.0] * lost + [1.0] * same)
    expected = stats.binomtest(gained, gained + lost, 0.5).pvalue if gained + lost else 1.0
    found = change(before, after)
    assert found.p_value == pytest.approx(expected, abs=1e-9)
    assert found.difference == pytest.approx((gained - lost) / len(before))


def test_ten_lost_of_ten_changed_is_more_than_noise_and_five_of_ten_is_not():
    base = np.array([1.0] * 10 + [0.0] * 5 + [1.0] * 85)
    assert not change(base, np.array([0.0] * 10 + [0.0] * 5 + [1.0] * 85)).within_noise
    assert change(base, np.array([0.0] * 5 + [1.0] * 5 + [1.0] * 5 + [1.0] * 85)).within_noise


def test_other_scores_are_compared_by_a_paired_bootstrap():
    before = np.random.default_rng(0).normal(size=400)
    noise = np.random.default_rng(1).normal(scale=0.1, size=400)
    assert change(before, before + noise).p_value > 0.05
    assert change(before, before + noise + 0.1).p_value < 0.01
    assert change(before, before).p_value == 1.0


def test_one_sample_has_an_interval_too():
    assert score(np.array([1.0])).high == pytest.approx(1.0)
    assert score(np.array([0.3])).low == -np.inf
