"""A step is held to what it claims, counted kernel by kernel."""

from dataclasses import dataclass, replace

import pytest

from compressor.base.errors import StepError
from compressor.contracts.model_state import ModelState
from compressor.measure.kept_traits import refuse_broken
from compressor.models.litert.reading.contents import Anatomy, WeightTensor


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


def integers(bits=8, unique=200, activations=3):
    tensor = WeightTensor("k", (100, 10), f"int{bits}", bits, 0, unique, unique, 1000, True)
    return Anatomy(1, 1, (tensor,), 1, activations)


def test_clusters_that_are_only_the_integers_of_a_type_fail_the_step():
    assert refusal(["clustered", "quantization_aware"], past(BASE), integers()) == (
        "the step 'odd' claims clusters and left none; mend its strategy, or drop the step"
    )
    passes(["clustered", "quantization_aware"], past(BASE), integers(unique=16))


def test_fake_quantization_that_is_claimed_and_not_there_fails_the_step():
    assert refusal(["quantization_aware"], past(BASE), integers(activations=0)) == (
        "the step 'odd' claims fake quantization and left none; mend its strategy, or drop the step"
    )
    passes(["quantization_aware"], past(BASE), integers())
    passes(["quantization_aware"], past(BASE), integers(bits=4, activations=0))


def test_quantization_that_is_claimed_and_not_there_or_lost_again_fails_the_step():
    assert refusal(["quantized"], past(BASE), anatomy(kernel())) == (
        "the step 'odd' quantized no weight; see run.log for the converter's words"
    )
    four = ("ptq", ("quantized",), integers(bits=4))
    assert refusal(["quantized"], past(BASE, four), integers()) == (
        "the step 'odd' lost quantization: 4 bits a weight after 'ptq', 8 now; "
        "put it before 'ptq', or use a strategy that keeps it"
    )
    passes(["quantized"], past(BASE, four), integers(bits=4))


def test_a_step_that_claims_fake_quantization_of_a_plain_model_fails_the_run(tmp_path):
    import compressor
    from compressor.contracts.execution_plan import Provider
    from compressor.contracts.hookspecs import hookimpl
    from compressor.planning.registry import Registry

    class Claiming(compressor.Strategy):
        """Claims, and does nothing."""

        name = "claiming"

        def plan(self, state):
            return state.add("quantization_aware")

        def apply(self, model, context):
            return model

    class Plugin:
        @hookimpl
        def strategies(self):
            return [Claiming]

    registry = Registry.installed()
    registry.add(Plugin(), "p", Provider("p", "1"))
    recipe = {
        "version": 1,
        "model": {"source": "mnist_cnn", "train": {"epochs": 1}},
        "data": {"source": "mnist"},
        "steps": [{"uses": "claiming"}],
    }
    with pytest.raises(StepError, match="the step 'claiming' claims fake quantization and left none"):
        compressor.apply(recipe, output=tmp_path / "out", smoke=True, registry=registry)


def test_lost_clusters_name_the_kernel():
    assert refusal(["clustered"], past(BASE, CLUSTERED), anatomy(kernel(unique=40, name="dense/w"))) == (
        "the step 'odd' lost clusters: 'dense/w' had 16 values after 'cluster', and has 40 now; "
        "put it before 'cluster', or use a strategy that keeps clusters"
    )


def test_scales_of_channels_that_make_more_integers_of_the_same_values_lose_clusters():
    now = anatomy(kernel(unique=120, channel_unique=16, name="dense/w"))
    assert refusal(["clustered"], past(BASE, CLUSTERED), now) == (
        "the step 'odd' lost clusters: 'dense/w' had 16 values after 'cluster', and has 120 now; "
        "put it before 'cluster', or use a strategy that keeps clusters"
    )
    each = ("cluster", ("clustered",), anatomy(kernel(unique=120, channel_unique=16)))
    passes(["clustered"], past(BASE, each), now)


def test_a_kernel_of_hardly_more_weights_than_values_has_no_clusters_to_lose():
    small = kernel(36, zeros=22, unique=15, shape=(12, 3))
    before = ("cluster", ("clustered",), anatomy(kernel(unique=16), small))
    passes(["clustered"], past(BASE, before), anatomy(kernel(unique=16), small))
    passes(["clustered"], past(BASE, before), anatomy(kernel(unique=9), replace(small, zeros=20, unique=17)))


def test_a_trait_that_was_dropped_and_made_again_counts_from_its_second_making():
    dropped = ("train", (), anatomy(kernel()))
    again = ("prune-2", ("sparse",), anatomy(kernel(zeros=500)))
    passes(
        ["sparse"],
        past(BASE, ("prune", ("sparse",), anatomy(kernel(zeros=800))), dropped, again),
        anatomy(kernel(zeros=500)),
    )


def test_channels_taken_away_may_lower_the_share_of_zeros_and_no_weight_may_come_back():
    smaller = anatomy(kernel(size=500, zeros=320, shape=(50, 10)), kernel(size=500, zeros=0, shape=(10, 50)))
    passes(["sparse"], past(BASE, PRUNED), smaller)
    refilled = anatomy(kernel(size=500, zeros=100, shape=(50, 10)), kernel(size=900, zeros=0, shape=(10, 90)))
    assert "lost zeros" in refusal(["sparse"], past(BASE, PRUNED), refilled)


def test_a_normalization_that_becomes_a_kernel_of_its_own_is_no_weight_that_came_back():
    pruned, other = kernel(zeros=800, shape=(100, 10)), kernel(zeros=500, shape=(10, 100))
    made, again = kernel(size=100, shape=(1, 1, 1, 100)), kernel(size=1000, shape=(20, 50))
    before = past(BASE, ("prune", ("sparse",), anatomy(pruned, other)))
    passes(["sparse"], before, anatomy(pruned, other, made))
    factored = [kernel(size=500, shape=(100, 5)), kernel(size=50, shape=(5, 10))]
    assert "lost zeros" in refusal(["sparse"], before, anatomy(*factored, other))
    assert "lost zeros" in refusal(["sparse"], before, anatomy(pruned, again, made))


def test_a_kernel_that_takes_the_shape_another_had_is_not_held_against_it():
    before = ("prune", ("sparse",), anatomy(kernel(zeros=100, shape=(100, 10)), kernel(600, zeros=540, shape=(60, 10))))
    now = anatomy(kernel(600, zeros=60, shape=(60, 10)), kernel(300, zeros=270, shape=(30, 10)))
    passes(["sparse"], past(BASE, before), now)


def test_clusters_are_counted_over_kernels_of_other_shapes_too():
    now = anatomy(kernel(500, unique=40, name="dense/w", shape=(50, 10)))
    assert "'dense/w' had 16 values after 'cluster', and has 40 now" in refusal(
        ["clustered"], past(BASE, CLUSTERED), now
    )
    passes(["clustered"], past(BASE, CLUSTERED), anatomy(kernel(500, unique=12, shape=(50, 10))))
