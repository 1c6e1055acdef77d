"""`resolve`: joins a recipe and the registry into a `Plan`, and makes every check that needs no model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from compressor.contracts.execution_plan import Plan
from compressor.planning.registry import Registry
from compressor.planning.resolver import Resolver
from compressor.recipe.load import InvalidRecipeError, load
from compressor.recipe.problems import RecipeError
from compressor.recipe.sections import Recipe

T = TypeVar("T")


def prepare(
    source: str | Path,
    overrides: Sequence[str] = (),
    registry: Registry | None = None,
    *,
    seed: int = 0,
    smoke: bool = False,
) -> Plan:
    """Load a recipe and resolve it, telling the problems of both at once.

    Raises:
        RecipeError: with every problem that can be found without a model.
        PluginError: a plugin that the recipe uses fails where it should answer.
    """
    installed = registry or Registry.installed()
    return _loaded(source, overrides, lambda recipe: resolve(recipe, installed, seed=seed, smoke=smoke))


def check(source: str | Path, overrides: Sequence[str] = (), registry: Registry | None = None) -> None:
    """Make every check of `prepare` that needs none of the recipe's own plugin files, since importing those runs code.

    Where there are such files, names that no installed plugin brings are taken on trust, and the order of steps is
    checked up to the first one of them.

    Raises:
        RecipeError: with every problem found.
        PluginError: a plugin that the recipe uses fails where it should answer.
    """
    installed = registry or Registry.installed()
    _loaded(source, overrides, lambda recipe: Resolver(recipe, installed).check())


def resolve(recipe: Recipe, registry: Registry, *, seed: int = 0, smoke: bool = False) -> Plan:
    """The plan of a recipe. Imports the recipe's own plugin files, which runs their code.

    Args:
        recipe: a valid recipe.
        registry: what the installed plugins bring.
        seed: of everything random.
        smoke: for a short run, to see that the chain works.

    Raises:
        RecipeError: with every problem found: unknown names, wrong parameters, an impossible order.
        PluginError: a plugin that the recipe uses fails where it should answer.
    """
    return Resolver(recipe, registry).plan(seed, smoke)


def _loaded(source: str | Path, overrides: Sequence[str], use: Callable[[Recipe], T]) -> T:
    """What `use` makes of a recipe; where the recipe has problems, those of what is left of it are told with them."""
    try:
        recipe = load(source, overrides)
    except InvalidRecipeError as error:
        if error.salvaged is None:
            raise
        try:
            use(error.salvaged)
        except RecipeError as further:
            raise RecipeError((*error.problems, *further.problems)) from None
        raise
    return use(recipe)
