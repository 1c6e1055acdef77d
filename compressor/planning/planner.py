"""Turns a recipe into a `Plan`, with every check that needs no model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from compressor.base.errors import PluginError, StepError
from compressor.contracts.execution_plan import Plan
from compressor.planning.named_paths import missing_sources
from compressor.planning.open_recipe import check_space, open_recipe
from compressor.planning.registry import Registry
from compressor.planning.resolver import Resolver
from compressor.recipe.document import RecipeText
from compressor.recipe.load import InvalidRecipeError, load
from compressor.recipe.plugin_files import with_plugin_files
from compressor.recipe.problems import Problem, RecipeError, refuse_errors
from compressor.recipe.search_syntax import OpenRecipeError
from compressor.recipe.sections import Recipe

T = TypeVar("T")


def prepare(
    source: str | Path,
    overrides: Sequence[str] = (),
    registry: Registry | None = None,
    *,
    seed: int = 0,
    smoke: bool = False,
    plugins: Sequence[str | Path] = (),
    need_files: bool = False,
) -> Plan:
    """Load and resolve a recipe, with further plugin files, and report the problems of both at once.

    With `need_files`, a model or data that is no file or folder is a problem as well; a run finds that out by itself.

    Raises:
        RecipeError: with every problem that can be found without a model.
        PluginError: a plugin that the recipe uses fails.
    """
    installed = registry or Registry.installed()

    def use(recipe: Recipe) -> Plan:
        missing = missing_sources(recipe, "error") if need_files else []
        try:
            plan = resolve(with_plugin_files(recipe, plugins), installed, seed=seed, smoke=smoke)
        except RecipeError as error:
            raise RecipeError((*missing, *error.problems)) from None
        except (PluginError, StepError) as fault:
            refuse_errors([*missing, Problem(str(fault))] if missing else [])
            raise
        refuse_errors(missing)
        return plan

    return _load_and_use(source, overrides, use)


def check(
    source: str | Path | RecipeText,
    overrides: Sequence[str] = (),
    registry: Registry | None = None,
    *,
    strict: bool = False,
) -> tuple[Problem, ...]:
    """Check a recipe as `prepare` does, but without the recipe's own plugin files, since importing them runs code.

    Of a recipe that leaves something open, every branch is checked. If the recipe names such files, a name that no
    installed plugin brings may come from one of them; what such a file brings is read from its text where that is
    possible.

    Args:
        source: a recipe file's path, a shipped recipe's bare name, or a text.
        overrides: `path=value` texts, as for `--set`.
        registry: the installed plugins.
        strict: whether warnings are errors, as are a recipe without constraints, a plugin that it does not pin, and,
            where the model is a `.keras` file, a pattern that matches no layer.

    Returns:
        Warnings, such as a model file that is not there, and what could not be checked.

    Raises:
        RecipeError: with every problem found, warnings included.
        PluginError: a plugin that the recipe uses fails.
    """
    installed = registry or Registry.installed()

    def use(recipe: Recipe) -> tuple[Problem, ...]:
        return Resolver(recipe, installed).check(strict)

    with suppress(OpenRecipeError):
        return _load_and_use(source, overrides, use)
    return check_space(open_recipe(source, overrides, installed, unseen=True), use, strict)


def resolve(recipe: Recipe, registry: Registry, *, seed: int = 0, smoke: bool = False) -> Plan:
    """Resolve a recipe into a plan. This imports the recipe's own plugin files, which runs their code.

    Args:
        recipe: a valid recipe.
        registry: the installed plugins.
        seed: the seed of everything random.
        smoke: whether the run is a short one that only shows that the steps work together.

    Raises:
        RecipeError: with every problem found: unknown names, wrong parameters, an impossible order.
        PluginError: a plugin that the recipe uses fails.
    """
    return Resolver(recipe, registry).plan(seed, smoke)


def _load_and_use(source: str | Path | RecipeText, overrides: Sequence[str], use: Callable[[Recipe], T]) -> T:
    """Load a recipe and pass it to `use`; if it has problems, add those that `use` finds in its valid part."""
    try:
        recipe = load(source, overrides)
    except InvalidRecipeError as error:
        if error.salvaged is None:
            raise
        try:
            result = use(error.salvaged)
        except RecipeError as further:
            raise RecipeError((*error.problems, *further.problems)) from None
        except (PluginError, StepError) as fault:
            raise RecipeError((*error.problems, Problem(str(fault)))) from None
        if isinstance(result, tuple):  # the warnings of a check
            raise RecipeError((*error.problems, *result)) from None
        raise
    return use(recipe)
