"""`compressor validate`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from compressor.base.errors import CompressorError, ExitCode
from compressor.base.process_state import random_numbers_kept
from compressor.base.standard_output import say, tell
from compressor.base.text import counted, listing
from compressor.cli.check_formats import FORMS, Checked, is_invalid, print_checked
from compressor.cli.offers import RECIPE
from compressor.cli.options import json_option, plugin_option, set_option, traceback_option
from compressor.cli.own_command import OwnCommand
from compressor.cli.recipe_files import STANDARD_INPUT, Found, find_recipes, read_standard_input
from compressor.recipe.problems import Problem, RecipeError

if TYPE_CHECKING:
    from compressor.planning.registry import Registry


@click.command("validate", cls=OwnCommand)
@click.argument("recipes", type=RECIPE, nargs=-1, required=True)
@set_option
@plugin_option
@click.option("--strict", is_flag=True, help="Take warnings for errors, and want constraints and pinned plugins.")
@click.option("--format", "form", type=click.Choice([*FORMS]), help="How to print what was found.  [default: text]")
@click.option("--github", "as_github", is_flag=True, help="Short for --format github.")
@json_option
@click.option("--quiet", "-q", is_flag=True, help="Print problems only.")
@click.option("--watch", is_flag=True, help="Check again whenever a file changes, until Ctrl-C.")
@traceback_option
def command(
    recipes: tuple[str, ...],
    overrides: tuple[str, ...],
    plugins: tuple[Path, ...],
    strict: bool,
    form: str | None,
    as_github: bool,
    as_json: bool,
    quiet: bool,
    watch: bool,
) -> int:
    """Check RECIPES and show every problem at once.

    RECIPES are files, folders, patterns such as 'recipes/**/*.yaml', names of recipes that ship, and - for standard
    input. Runs nothing and imports no TensorFlow. Plugin files that a recipe names are not run, and what could not be
    checked without that is said; --plugin runs one.
    """
    from compressor.cli.command_registry import registry_with

    form = _form(form, as_github, as_json)
    if watch and (form != "text" or STANDARD_INPUT in recipes):
        raise click.UsageError("--watch is for files, and prints text; leave out the other format, or '-'")
    registry = registry_with(plugins)

    def once() -> int:
        found = find_recipes(recipes)
        checked = check_all(found, overrides, registry, strict)
        print_checked(checked, form)
        if form in ("text", "github") and not quiet:
            _say_summary(checked, found)
        return ExitCode.INPUT if any(map(is_invalid, checked.values())) else ExitCode.DONE

    if not watch:
        return once()
    from compressor.cli.watching import repeat_on_change

    return repeat_on_change(once, recipes)


def check_all(found: Found, overrides: Sequence[str], registry: Registry, strict: bool = False) -> Checked:
    """Check recipes; what was found in each, by its name."""
    checked = {argument: (problem,) for argument, problem in found.problems}
    with random_numbers_kept():
        return checked | {recipe: _check(recipe, overrides, registry, strict) for recipe in found.recipes}


def _check(recipe: str, overrides: Sequence[str], registry: Registry, strict: bool) -> tuple[Problem, ...]:
    from compressor.planning.planner import check

    try:
        source = read_standard_input() if recipe == STANDARD_INPUT else recipe
        return check(source, overrides, registry, strict=strict)
    except RecipeError as error:
        return error.problems
    except CompressorError as error:
        return (Problem(f"{recipe}: {error}"),)


def _form(form: str | None, as_github: bool, as_json: bool) -> str:
    asked = {form, "github" if as_github else None, "json" if as_json else None} - {None}
    if as_json and as_github:
        raise click.UsageError("--json and --github exclude each other; leave one out")
    if len(asked) > 1:
        raise click.UsageError(
            f"--{'json' if as_json else 'github'} and --format {form} exclude each other; leave one out"
        )
    return next(iter(asked), None) or "text"


def _say_summary(checked: Checked, found: Found) -> None:
    invalid = any(map(is_invalid, checked.values()))
    (tell if invalid else say)(_summary(checked))
    if found.others:
        what = f"{len(found.others)} YAML file{'s' * (len(found.others) > 1)} without 'model', 'steps' or 'extends'"
        tell(f"left out {what}: {listing(found.others, 6)}")


def _summary(checked: Checked) -> str:
    problems = [problem for in_recipe in checked.values() for problem in in_recipe]
    recipes = counted(len(checked), "recipe")
    errors = sum(problem.severity == "error" for problem in problems)
    warnings = sum(problem.severity == "warning" for problem in problems)
    unchecked = sum(any(p.severity == "not checked" for p in in_recipe) for in_recipe in checked.values())
    also = f", {counted(warnings, 'warning')}" * bool(warnings) + f", {unchecked} not checked in full" * bool(unchecked)
    if errors:
        invalid = sum(map(is_invalid, checked.values()))
        return f"{counted(errors, 'problem')} in {invalid} of {recipes}{also}"
    return f"{recipes} valid{also}"
