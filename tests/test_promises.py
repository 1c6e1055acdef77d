"""A step is held to what it claims, counted kernel by kernel."""

from dataclasses import dataclass

import pytest

from compressor.anatomy import Anatomy, WeightTensor
from compressor.errors import StepError
from compressor.promises import refuse_broken
from compressor.state import ModelState


def kernel(size=1000, zeros=0, unique=900, channel_unique=None, name="k", shape=None):
    shape = shape or (size // 10, 10)
    return WeightTensor(name, shape, "float32", 32, zeros, unique, channel_unique or unique, size * 4, True)


def anatomy(*kernels):
    return Anatomy(1, 1, kernels, 1)


@dataclass
class Measured:
    anatomy: Anatomy


@dataclass
class Past:
    id: str
    state: ModelState
    measurement: Measured


def past(*stages):
    return [Past(name, ModelState("keras", frozenset(traits)), Measured(found)) for name, traits, found in stages]


def refusal(traits, before, now):
    with pytest.raises(StepError) as error:
        refuse_broken("odd", ModelState("keras", frozenset(traits)), before, now)
    return str(error.value)


def passes(traits, before, now):
    refuse_broken("odd", ModelState("keras", frozenset(traits)), before, now)


BASE = ("baseline", (), anatomy(kernel()))
PRUNED = ("prune", ("sparse",), anatomy(kernel(zeros=800, shape=(100, 10)), kernel(zeros=0, shape=(10, 100))))
CLUSTERED = ("cluster", ("clustered",), anatomy(kernel(unique=16)))


def test_zeros_that_are_claimed_and_not_there_fail_the_step():
    assert refusal(["sparse"], past(BASE), anatomy(kernel())) == (
        "the step 'odd' claims zeros and left none; mend its strategy, or drop the step"
    )


def test_clusters_that_are_claimed_and_not_there_fail_the_step():
    assert refusal(["clustered"], past(BASE), anatomy(kernel())) == (
        "the step 'odd' claims clusters and left none; mend its strategy, or drop the step"
    )


def test_zeros_lost_in_one_kernel_are_not_made_up_by_another():
    now = anatomy(kernel(zeros=0, shape=(100, 10)), kernel(zeros=900, shape=(10, 100)))
    assert refusal(["sparse"], past(BASE, PRUNED), now) == (
        "the step 'odd' lost zeros: 40.0% of the weights after 'prune', 45.0% now; "
        "put it before 'prune', or use a strategy that keeps zeros"
    )


def test_zeros_lost_slowly_over_several_steps_are_held_against_the_one_that_made_them():
    slow = ("a", ("sparse",), anatomy(kernel(zeros=796, shape=(100, 10)), kernel(shape=(10, 100))))
    now = anatomy(kernel(zeros=792, shape=(100, 10)), kernel(shape=(10, 100)))
    assert "after 'prune'" in refusal(["sparse"], past(BASE, PRUNED, slow), now)


def test_a_few_zeros_that_round_away_and_more_zeros_pass():
    passes(["sparse"], past(BASE, PRUNED), anatomy(kernel(zeros=797, shape=(100, 10)), kernel(shape=(10, 100))))
    passes(["sparse"], past(BASE, PRUNED), anatomy(kernel(zeros=990, shape=(100, 10)), kernel(shape=(10, 100))))


def test_lost_clusters_name_the_kernel():
    assert refusal(["clustered"], past(BASE, CLUSTERED), anatomy(kernel(unique=40, name="dense/w"))) == (
        "the step 'odd' lost clusters: 'dense/w' had 16 values after 'cluster', and has 40 now; "
        "put it before 'cluster', or use a strategy that keeps clusters"
    )


def test_one_scale_a_channel_makes_more_integers_of_the_same_clusters():
    passes(["clustered"], past(BASE, CLUSTERED), anatomy(kernel(unique=120, channel_unique=16)))


def test_a_trait_that_was_dropped_and_made_again_counts_from_its_second_making():
    dropped = ("train", (), anatomy(kernel()))
    again = ("prune-2", ("sparse",), anatomy(kernel(zeros=500)))
    passes(
        ["sparse"],
        past(BASE, ("prune", ("sparse",), anatomy(kernel(zeros=800))), dropped, again),
        anatomy(kernel(zeros=500)),
    )
