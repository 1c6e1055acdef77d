"""What a shell is offered to complete: recipes, strategies, and the paths of `--set`."""

from __future__ import annotations

import glob
import logging
import os
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from compressor.planning.registry import Registry

    _Text = click.ParamType[str]
else:
    _Text = click.ParamType  # which has no parameter before click 8.5


class Offering(_Text):
    """Any text; shells are offered words for it.

    `offer` gets the command line so far and the beginning of a word, and gives whole words. What goes
    wrong in it is nobody's business while a line is typed, and offers nothing.
    """

    name = "text"

    def __init__(self, offer: Callable[[click.Context, str], Iterable[str]]) -> None:
        self._offer = offer

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """The words that begin as what is typed."""
        from compressor.base.standard_output import owned

        logging.disable(logging.CRITICAL)
        try:
            with owned():  # plugins that print
                words = [word for word in self._offer(ctx, incomplete) if word.startswith(incomplete)]
        except Exception:  # noqa: BLE001
            return []
        finally:
            logging.disable(logging.NOTSET)
        return [CompletionItem(word) for word in dict.fromkeys(words) if "\n" not in word]


def _recipes(_: click.Context, typed: str) -> Iterator[str]:
    from compressor.recipe import shipped

    yield from shipped.names()
    for path in sorted(glob.glob(f"{glob.escape(typed)}*")):  # noqa: PTH207 - it keeps `./`, as it is typed
        if os.path.isdir(path):  # noqa: PTH112
            yield f"{path}/"
        elif path.endswith((".yaml", ".yml")):
            yield path


def _strategies(_: click.Context, __: str) -> list[str]:
    from compressor.planning.registry import Registry

    return Registry.installed().names("strategy")


def _trackers(_: click.Context, __: str) -> list[str]:
    from compressor.planning.registry import Registry

    return Registry.installed().names("tracker")


def _families(_: click.Context, __: str) -> list[str]:
    from compressor.scaffolding.families import names

    return names()


def _paths(line: click.Context, typed: str) -> Iterator[str]:
    """The paths of a recipe's values, each with `=` behind it, one level beyond what is typed."""
    if "=" in typed:
        return
    from compressor.planning.registry import Registry
    from compressor.recipe.load import InvalidRecipeError, load
    from compressor.recipe.sections import Recipe

    named = (
        line.params.get("recipe") or line.params.get("recipes") or line.args
    )  # the last while an option has no value
    name = named if isinstance(named, str) else next(iter(named), "")
    try:
        recipe = load(name) if name else None
    except InvalidRecipeError as error:
        recipe = error.salvaged
    parts = typed.split(".")[:-1]
    prefix = "".join(f"{part}." for part in parts)
    for key, is_section in _keys(Recipe, recipe, parts, Registry.installed()):
        yield f"{prefix}{key}{'.' if is_section else '='}"


def _keys(model: type[Any], recipe: Any, parts: list[str], registry: Registry) -> Iterator[tuple[str, bool]]:
    """The keys at a place of a recipe, and whether each holds further keys."""
    from compressor.contracts.execution_plan import BASELINE
    from compressor.planning.plugin_checks import Kind
    from compressor.recipe.extends import step_ids
    from compressor.recipe.pydantic_messages import field_names
    from compressor.recipe.tree import from_data

    def params(kind: Kind, name: str, inner: list[str]) -> Iterator[tuple[str, bool]]:
        entry = registry.get(kind, name)
        if entry is not None:
            for key in field_names(entry.cls.Params, tuple(inner)):
                yield key, bool(field_names(entry.cls.Params, (*inner, key)))

    if parts[:1] == ["steps"] and recipe is not None:
        ids = step_ids(recipe.tree.find(("steps",)) or from_data([]))
        if len(parts) == 1:
            yield from ((id_, True) for id_ in ids)
        elif parts[1] in ids and parts[2:3] == ["with"]:
            yield from params("strategy", recipe.steps[ids.index(parts[1])].uses, parts[3:])
        elif len(parts) == 2 and parts[1] in ids:
            yield from ((key, key == "with") for key in field_names(model, ("steps",)))
    elif parts == ["constraints", "stages"] and recipe is not None:
        yield from ((id_, True) for id_ in (BASELINE, *step_ids(recipe.tree.find(("steps",)) or from_data([]))))
    elif parts[:2] == ["model", "train"]:
        yield from params("strategy", "train", parts[2:])
    elif parts[:2] in (["model", "with"], ["data", "with"]) and recipe is not None:
        kind: Kind = "model" if parts[0] == "model" else "data set"
        yield from params(kind, getattr(recipe, parts[0]).source, parts[2:])
    else:
        for key in field_names(model, tuple(parts)):
            yield key, key in ("steps", "with", "train", "stages") or bool(field_names(model, (*parts, key)))


RECIPE = Offering(_recipes)
STRATEGY = Offering(_strategies)
FAMILY = Offering(_families)
TRACKER = Offering(_trackers)
SETTING = Offering(_paths)
