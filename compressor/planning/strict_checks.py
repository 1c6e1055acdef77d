"""What `validate --strict` asks of a recipe besides that it is valid."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from compressor.base.path_or_function import Reference
from compressor.contracts.execution_plan import PlannedStep, Provider
from compressor.models.files.stored_layers import stored_layers
from compressor.planning.layer_pattern_check import refuse_unmatched
from compressor.planning.requirements import normalized
from compressor.recipe.constraints import Constraints
from compressor.recipe.problems import Origin, Problem, RecipeError
from compressor.recipe.sections import Recipe

_TOOL = "compressor"


def strict_problems(
    recipe: Recipe, model: Any, steps: Iterable[PlannedStep], origins: Mapping[str, Provider]
) -> Iterator[Problem]:
    """What is left open in a recipe that is valid: no constraint, plugins of any version, patterns that match no layer.

    Args:
        recipe: the recipe.
        model: its model; patterns are checked if it is a `.keras` file.
        steps: its steps, the baseline included.
        origins: the plugins that its model, data and metrics come from.
    """
    if recipe.constraints == Constraints() and recipe.target is None:
        message = "the recipe has no constraints, so that no result fails it; add some, as in 'max_accuracy_drop: 0.01'"
        yield Problem(message, recipe.tree.origin)
    yield from _unpinned(recipe, [*_used(recipe, steps, origins)])
    if isinstance(model, Reference) and model.kind == "path" and model.target.endswith(".keras"):
        try:
            refuse_unmatched(recipe, [*steps], stored_layers(Path(model.target)))
        except RecipeError as error:
            yield from error.problems


def _used(
    recipe: Recipe, steps: Iterable[PlannedStep], origins: Mapping[str, Provider]
) -> Iterator[tuple[str, Provider, Origin | None]]:
    for what, provider in origins.items():
        node = recipe.tree.find((what, "source")) or recipe.tree.find(("evaluation", "metrics"))
        yield what, provider, node.origin if node else None
    for step in steps:
        node = recipe.tree.find((*step.route[:-1], "uses")) or recipe.tree.nearest(step.route)
        yield f"strategy '{step.uses}'", step.provider, node.origin


def _unpinned(recipe: Recipe, used: Iterable[tuple[str, Provider, Origin | None]]) -> Iterator[Problem]:
    pinned = {normalized(name) for name, versions in recipe.requires.items() if versions.strip()}
    for what, provider, origin in used:
        name = normalized(provider.distribution)
        if name == _TOOL or name in pinned or ":" in provider.version:  # a local file has a hash for its version
            continue
        pinned.add(name)
        remedy = f"add 'requires: {{{provider.distribution}: \"=={provider.version}\"}}'"
        message = f"the {what} comes from {provider}, and the recipe takes any version of it; {remedy}"
        yield Problem(message, origin)
