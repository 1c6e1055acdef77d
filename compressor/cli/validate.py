"""`compressor validate`."""

from __future__ import annotations

import json
from collections.abc import Sequence

import click

from compressor.base.errors import CompressorError, ExitCode
from compressor.cli.options import json_option, set_option, traceback_option
from compressor.recipe.problems import Problem, RecipeError


@click.command("validate")
@click.argument("recipes", nargs=-1, required=True)
@set_option
@click.option("--github", "as_github", is_flag=True, help="Print problems as annotations for GitHub Actions.")
@json_option
@click.option("--quiet", "-q", is_flag=True, help="Print problems only.")
@traceback_option
def command(recipes: tuple[str, ...], overrides: tuple[str, ...], as_github: bool, as_json: bool, quiet: bool) -> int:
    """Check RECIPES, files or names of those that ship, and show every problem at once.

    Runs nothing and imports no TensorFlow. Plugin files that a recipe names are not run, so their strategies are taken
    on trust.
    """
    if as_json and as_github:
        raise click.UsageError("--json and --github exclude each other")
    from compressor.planning.planner import check
    from compressor.planning.registry import Registry

    registry = Registry.installed()
    found: dict[str, tuple[Problem, ...]] = {}
    for recipe in recipes:
        try:
            check(recipe, overrides, registry)
            found[recipe] = ()
        except RecipeError as error:
            found[recipe] = error.problems
        except CompressorError as error:
            found[recipe] = (Problem(f"{recipe}: {error}"),)
    problems = [problem for several in found.values() for problem in several]
    if as_json:
        data = {name: [_as_data(problem) for problem in several] for name, several in found.items()}
        click.echo(json.dumps(data, indent=2))
    elif as_github:
        for name, several in found.items():
            for problem in several:
                click.echo(_as_annotation(name, problem))
    else:
        for problem in problems:
            click.echo(problem.render())
    if not (as_json or quiet):
        click.echo(_summary(found, problems), err=bool(problems))
    return ExitCode.INPUT if problems else ExitCode.DONE


def _summary(found: dict[str, tuple[Problem, ...]], problems: Sequence[Problem]) -> str:
    recipes = f"{len(found)} recipe{'s' if len(found) != 1 else ''}"
    if not problems:
        return f"{recipes} valid"
    wrong = sum(1 for several in found.values() if several)
    return f"{len(problems)} problem{'s' if len(problems) != 1 else ''} in {wrong} of {recipes}"


def _as_data(problem: Problem) -> dict[str, object]:
    origin = problem.origin
    place = {"file": origin.source.name, "line": origin.line, "column": origin.column} if origin else {}
    return {"message": problem.message, **place}


def _as_annotation(recipe: str, problem: Problem) -> str:
    """A workflow command; the escapes are those that GitHub documents."""
    text = problem.message.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    origin = problem.origin
    name = origin.source.name if origin else recipe
    name = name.replace("%", "%25").replace(":", "%3A").replace(",", "%2C")
    place = f",line={origin.line},col={origin.column}" if origin else ""
    return f"::error file={name}{place}::{text}"
