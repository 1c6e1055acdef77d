"""`compressor validate`."""

from __future__ import annotations

from pathlib import Path

import click

from compressor.base.errors import CompressorError, ExitCode
from compressor.base.outgoing import github_annotation
from compressor.base.standard_output import say, say_command, say_json, tell
from compressor.cli.options import json_option, plugin_option, set_option, traceback_option
from compressor.cli.own_command import OwnCommand
from compressor.recipe.problems import Problem, RecipeError


@click.command("validate", cls=OwnCommand)
@click.argument("recipes", nargs=-1, required=True)
@set_option
@plugin_option
@click.option("--github", "as_github", is_flag=True, help="Print problems as annotations for GitHub Actions.")
@json_option
@click.option("--quiet", "-q", is_flag=True, help="Print problems only.")
@traceback_option
def command(
    recipes: tuple[str, ...],
    overrides: tuple[str, ...],
    plugins: tuple[Path, ...],
    as_github: bool,
    as_json: bool,
    quiet: bool,
) -> int:
    """Check RECIPES, files or names of those that ship, and show every problem at once.

    Runs nothing and imports no TensorFlow. Plugin files that a recipe names are not run, so their strategies are not
    checked; --plugin runs one.
    """
    if as_json and as_github:
        raise click.UsageError("--json and --github exclude each other; leave one out")
    from compressor.cli.plugin_files import registry_with
    from compressor.planning.planner import check

    registry = registry_with(plugins)
    problems_of: dict[str, tuple[Problem, ...]] = {}
    for recipe in recipes:
        try:
            check(recipe, overrides, registry)
            problems_of[recipe] = ()
        except RecipeError as error:
            problems_of[recipe] = error.problems
        except CompressorError as error:
            problems_of[recipe] = (Problem(f"{recipe}: {error}"),)
    problems = [problem for in_recipe in problems_of.values() for problem in in_recipe]
    if as_json:
        data = {recipe: [_as_data(problem) for problem in in_recipe] for recipe, in_recipe in problems_of.items()}
        say_json(data)
    elif as_github:
        for recipe, in_recipe in problems_of.items():
            for problem in in_recipe:
                say_command(_as_annotation(recipe, problem))
    else:
        for problem in problems:
            for line in problem.render().split("\n"):
                say(line)
    if not (as_json or quiet):
        (tell if problems else say)(_summary(problems_of))
    return ExitCode.INPUT if problems else ExitCode.DONE


def _summary(problems_of: dict[str, tuple[Problem, ...]]) -> str:
    recipes = f"{len(problems_of)} recipe{'s' if len(problems_of) != 1 else ''}"
    count = sum(map(len, problems_of.values()))
    if not count:
        return f"{recipes} valid"
    invalid = sum(1 for in_recipe in problems_of.values() if in_recipe)
    return f"{count} problem{'s' if count != 1 else ''} in {invalid} of {recipes}"


def _as_data(problem: Problem) -> dict[str, object]:
    origin = problem.origin
    place = {"file": origin.source.name, "line": origin.line, "column": origin.column} if origin else {}
    return {"message": problem.message, **place}


def _as_annotation(recipe: str, problem: Problem) -> str:
    origin = problem.origin
    place = {"line": origin.line, "col": origin.column} if origin else {}
    return github_annotation(problem.message, {"file": origin.source.name if origin else recipe, **place})
