"""Checks layer patterns against a model before any training: a pattern that matches no layer is a mistake."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from compressor.base.text import did_you_mean
from compressor.contracts.execution_plan import PlannedStep
from compressor.contracts.layer_targets import LayerPatterns
from compressor.recipe.problems import Problem, RecipeError
from compressor.recipe.sections import Recipe


def refuse_unmatched(
    recipe: Recipe,
    steps: Sequence[PlannedStep],
    layers: Sequence[tuple[str, str]],
    gone: Sequence[tuple[str, str]] = (),
) -> None:
    """Check the layer patterns of steps.

    Args:
        recipe: the recipe that contains the patterns.
        steps: the steps to check, in order; checking ends after a step that makes layers, which must run first.
        layers: name and class of each layer of the model; empty if they are not known.
        gone: layers that the model had before; a pattern under `except` may still name them.

    Raises:
        RecipeError: with every pattern that matches no layer.
    """
    if not layers:
        return
    problems: list[Problem] = []
    for step in steps:
        problems += _unmatched_patterns(recipe, step, layers, gone)
        if step.strategy.makes_layers:
            break
    if problems:
        raise RecipeError(problems)


def _unmatched_patterns(
    recipe: Recipe, step: PlannedStep, layers: Sequence[tuple[str, str]], gone: Sequence[tuple[str, str]]
) -> Iterator[Problem]:
    params = step.strategy.params
    if not isinstance(params, LayerPatterns):
        return
    never = params.unmatched([*layers, *gone])
    for place, pattern in params.unmatched(list(layers)):
        if place[0] == "except" and (place, pattern) not in never:
            continue
        node = recipe.tree.nearest((*step.route, *place))
        known = did_you_mean(pattern, [layer for layer, _ in layers])
        origin = node.key_origin if isinstance(place[-1], str) else node.origin
        yield Problem(f"'{pattern}' matches no layer of the model{known}", origin)
