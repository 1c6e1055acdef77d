"""`compressor migrate`."""

from __future__ import annotations

import shutil
from pathlib import Path

import click

from compressor.base.errors import ExitCode
from compressor.base.path_or_function import real_path
from compressor.base.standard_output import say, tell
from compressor.base.text import counted
from compressor.cli.options import traceback_option
from compressor.cli.outputs import written
from compressor.cli.own_command import OwnCommand


@click.command("migrate", cls=OwnCommand)
@click.argument("recipes", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--check", is_flag=True, help="Write nothing; exit with code 1 if a recipe would change.")
@traceback_option
def command(recipes: tuple[Path, ...], check: bool) -> int:
    """Bring RECIPES, files, to the present version of the recipe language, in place.

    Comments and layout stay as they are, links stay links, and files keep their permissions. A recipe that is up to
    date is not touched.
    """
    from compressor.recipe.migration import VERSION, migrated
    from compressor.recipe.problems import RecipeError

    failed = changed = 0
    for path in recipes:
        try:
            text, changes = migrated(path)
        except RecipeError as error:
            tell(str(error))
            failed += 1
            continue
        for change in changes:
            say(change)
        if changes and not check:
            target = real_path(path)  # a link stays one
            with written(target) as temporary:
                temporary.write_text(text, encoding="utf-8", newline="")
                shutil.copymode(target, temporary)
        changed += bool(changes)
    verb = "would change" if check else "changed"
    say(f"{changed} of {counted(len(recipes), 'recipe')} {verb}; the version is {VERSION}")
    return ExitCode.INPUT if failed or (check and changed) else ExitCode.DONE
