"""A pattern is held against the model that its step gets."""

import pytest

import compressor
from compressor.planning.layer_pattern_check import refuse_unmatched
from compressor.recipe.problems import RecipeError

THEN = [("conv", "Conv2D"), ("bn", "BatchNormalization"), ("dense", "Dense")]
NOW = [("conv", "Conv2D"), ("dense", "Dense")]


def refused(now, gone, **targets):
    recipe = {
        "version": 1,
        "model": {"source": "mnist_cnn", "train": {"epochs": 1}},
        "data": {"source": "mnist"},
        "steps": [{"uses": "prune", "with": targets}],
    }
    plan = compressor.plan(recipe)
    with pytest.raises(RecipeError) as error:
        refuse_unmatched(plan.recipe, plan.steps, now, gone)
    return str(error.value)


def test_a_target_that_an_earlier_step_took_away_is_told():
    assert refused(NOW, THEN, layers=["bn"]) == "error: 'bn' matches no layer of the model; known: conv, dense"


def test_what_is_gone_may_still_be_left_out_and_what_never_was_may_not():
    assert refused(NOW, THEN, **{"except": ["bn", "bm"]}).startswith("error: 'bm' matches no layer of the model")
    assert "'bn'" not in refused(NOW, THEN, **{"except": ["bn", "bm"]})


def test_a_pattern_behind_a_step_that_makes_layers_is_held_against_those_later():
    recipe = {
        "version": 1,
        "model": {"source": "mnist_cnn", "train": {"epochs": 1}},
        "data": {"source": "mnist"},
        "steps": [
            {"uses": "low_rank", "with": {"energy": 0.9, "layers": ["conv*"]}},
            {"uses": "prune", "with": {"layers": ["conv_core"]}},
        ],
    }
    plan = compressor.plan(recipe)
    refuse_unmatched(plan.recipe, plan.steps, THEN)
    with pytest.raises(RecipeError, match=r"'conv_core' matches no layer of the model; did you mean 'conv'\?"):
        refuse_unmatched(plan.recipe, plan.steps[1:], THEN)
