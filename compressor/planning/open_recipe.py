"""Recipes that leave something open: reads one with its search space, and checks every branch of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from compressor.base.errors import PluginError, StepError
from compressor.base.text import quoted
from compressor.planning.default_spaces import with_default_spaces
from compressor.planning.local_plugins import plugin_files
from compressor.planning.named_paths import missing_sources
from compressor.planning.registry import Registry
from compressor.planning.resolver import Resolver
from compressor.recipe.document import RecipeText
from compressor.recipe.load import InvalidRecipeError, own_name, read_tree, validated
from compressor.recipe.plugin_files import with_plugin_files
from compressor.recipe.problems import Origin, Problem, RecipeError, refuse_errors
from compressor.recipe.search_space import LEFT_OUT, Assignment, Choice, Space, space_of
from compressor.recipe.sections import Recipe

MOST_STRUCTURES = 1_000
_MOST_CHECKED = 2_000  # recipes of a space, so that a check takes seconds at most


@dataclass(frozen=True)
class OpenRecipe:
    """A recipe that leaves something open, and what: its space has a value for each `search: auto`.

    `remarks` are what could not be looked at, and `plugins` local plugin files beside those that the recipe names.
    """

    name: str
    space: Space
    problems: tuple[Problem, ...] = ()
    remarks: tuple[Problem, ...] = ()
    plugins: tuple[Path, ...] = ()

    def drawn(self, assignment: Assignment) -> Recipe:
        """The recipe that a choice makes.

        Raises:
            RecipeError: it is not valid.
        """
        return with_plugin_files(validated(self.space.drawn(assignment), self.name, self.problems), self.plugins)


def open_recipe(
    source: str | Path | RecipeText, overrides: Iterable[str], registry: Registry, unseen: bool = False
) -> OpenRecipe:
    """Read a recipe that leaves something open.

    Args:
        source: a recipe file's path, a shipped recipe's bare name, or a text.
        overrides: `path=value` texts, as for `--set`.
        registry: the plugins, whose strategies fill in `search: auto`.
        unseen: whether the recipe's own plugin files are not among them.

    Raises:
        RecipeError: it cannot be read, or what it leaves open is wrong.
    """
    tree, name, problems = read_tree(source, overrides)
    tree, found = with_default_spaces(tree, registry, unseen)
    errors = [problem for problem in found if problem.severity == "error"]
    try:
        space = space_of(tree)
    except RecipeError as error:
        raise RecipeError((*problems, *errors, *error.problems)) from None
    if space.structures > MOST_STRUCTURES:
        message = f"there are {space.structures:,} ways to take steps, and at most {MOST_STRUCTURES:,} can be checked"
        steps = tree.child("steps")
        errors.append(Problem(f"{message}; leave fewer steps open", steps.origin if steps else None))
    if errors:
        raise RecipeError((*problems, *errors))
    return OpenRecipe(own_name(tree, name), space, tuple(problems), tuple(set(found) - set(errors)))


def check_space(
    opened: OpenRecipe, use: Callable[[Recipe], Sequence[Problem]], strict: bool = False
) -> tuple[Problem, ...]:
    """Check every branch of a space: every recipe of a small one; of others, each choice of steps, and ends of ranges.

    Args:
        opened: the recipe.
        use: checks a recipe in which nothing is open; returns warnings, and raises a `RecipeError`.
        strict: whether warnings are errors.

    Raises:
        RecipeError: with every problem found, and where it is one if that is not everywhere.
    """
    found: dict[Any, tuple[Problem, list[Assignment]]] = {}
    checked: list[Assignment] = []
    for assignment in branches(opened.space):
        checked.append(assignment)
        for problem in _problems(opened, assignment, use):
            found.setdefault(_fault(problem), (problem, []))[1].append(assignment)
    told = [_with_branch(problem, where, checked, opened.space) for problem, where in found.values()]
    return refuse_errors([*told, *opened.remarks], strict)


def planned_space(
    source: str | Path | RecipeText,
    overrides: Sequence[str] = (),
    plugins: Sequence[str | Path] = (),
    registry: Registry | None = None,
) -> tuple[OpenRecipe, Registry]:
    """Read a recipe that leaves something open, run its plugin files, and check every branch.

    Returns:
        The recipe, and the plugins with those of its files.

    Raises:
        RecipeError: with every problem found.
        PluginError: a plugin file cannot be loaded.
    """
    installed = registry or Registry.installed()
    registry = _with_plugin_files(open_recipe(source, overrides, installed, unseen=True), plugins, installed)
    opened = replace(open_recipe(source, overrides, registry), plugins=tuple(map(Path, plugins)))

    def use(recipe: Recipe) -> Sequence[Problem]:
        missing = missing_sources(recipe, "error")
        try:
            Resolver(recipe, registry).plan(0, False)
        except RecipeError as error:
            return (*missing, *error.problems)
        return missing

    check_space(opened, use)
    return opened, registry


def _with_plugin_files(opened: OpenRecipe, plugins: Sequence[str | Path], installed: Registry) -> Registry:
    """The registry with the recipe's own plugin files, whose code is run."""
    opened = replace(opened, plugins=tuple(map(Path, plugins)))
    try:
        recipe = opened.drawn(next(iter(branches(opened.space))))
    except InvalidRecipeError as error:
        if error.salvaged is None:
            raise
        recipe = error.salvaged
    for path, _ in plugin_files(recipe)[0]:
        installed = installed if installed.has_file(path) else installed.with_file(path)
    return installed


def branches(space: Space) -> Iterator[Assignment]:
    """The choices that a check looks at, none twice."""
    structures = [(structure, space.open_in(structure)) for structure in space.every_structure()]
    total = sum(math.prod(len(choice.search.ends) for choice in values) for _, values in structures)
    if total <= _MOST_CHECKED:
        for structure, values in structures:
            yield from _every_end(structure, values)
        return
    singly = sum(sum(len(choice.search.ends) for choice in values) for _, values in structures)
    seen: set[str] = set()
    for structure, values in structures:
        first = {**structure, **{choice.name: choice.search.ends[0] for choice in values}}
        yield first
        for choice in values:
            if singly > _MOST_CHECKED and choice.name in seen:
                continue
            seen.add(choice.name)
            for end in choice.search.ends[1:]:
                yield {**first, choice.name: end}


def _every_end(assignment: Assignment, values: Sequence[Choice]) -> Iterator[Assignment]:
    if not values:
        yield assignment
        return
    for end in values[0].search.ends:
        yield from _every_end({**assignment, values[0].name: end}, values[1:])


def _problems(
    opened: OpenRecipe, assignment: Assignment, use: Callable[[Recipe], Sequence[Problem]]
) -> Sequence[Problem]:
    problems: tuple[Problem, ...] = ()
    try:
        recipe = opened.drawn(assignment)
    except InvalidRecipeError as error:
        problems = error.problems
        if error.salvaged is None:
            return problems
        recipe = error.salvaged
    except RecipeError as error:
        return error.problems
    try:
        return (*problems, *use(recipe))
    except RecipeError as error:
        return (*problems, *error.problems)
    except (PluginError, StepError) as fault:
        return (*problems, Problem(str(fault)))


def _fault(problem: Problem) -> tuple[Any, ...]:
    """What is wrong and where; what to do about it may depend on the steps that follow."""
    return problem.severity, problem.origin, problem.message.partition(";")[0]


def _with_branch(problem: Problem, where: Sequence[Assignment], checked: Sequence[Assignment], space: Space) -> Problem:
    """The problem with the choices that lead to it, if others do not."""
    if len(where) == len(checked):
        return problem
    shared = {
        name: value for name, value in where[0].items() if all(other.get(name, _NONE) == value for other in where)
    }
    everywhere = {name for name, value in shared.items() if all(other.get(name, _NONE) == value for other in checked)}
    told = [
        _told(choice, shared[choice.name])
        for choice in space.choices
        if choice.name in shared and choice.name not in everywhere and not _is_at(problem.origin, choice)
    ]
    return replace(problem, message=f"{problem.message} (where {_listed(told)})") if told else problem


_NONE: Any = object()


def _told(choice: Choice, value: Any) -> str:
    if not choice.is_step:
        return f"{quoted(choice.name)} is {value}"
    options = choice.search.values
    if len(options) == 2 and options[-1] == LEFT_OUT:
        return f"'{options[0]}' is {LEFT_OUT if value == LEFT_OUT else 'taken'}"
    return f"{choice.name} is {LEFT_OUT}" if value == LEFT_OUT else f"{choice.name} is '{value}'"


def _listed(parts: Sequence[str]) -> str:
    return " and ".join(parts) if len(parts) < 3 else f"{', '.join(parts[:-1])}, and {parts[-1]}"


def _is_at(origin: Origin | None, choice: Choice) -> bool:
    return origin is not None and any(place.origin == origin for place in choice.places)
