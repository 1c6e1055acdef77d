"""`compressor new`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from compressor.base.standard_output import say, tell
from compressor.cli.offers import FAMILY
from compressor.cli.options import debug_option, traceback_option, trust_option
from compressor.cli.outputs import refuse_output, written
from compressor.cli.own_command import OwnGroup

if TYPE_CHECKING:
    from compressor.scaffolding.new_recipe import NewRecipe
    from compressor.scaffolding.recipe_choices import Limits


@click.group("new", cls=OwnGroup)
@traceback_option
def command() -> None:
    """Write a new recipe, or the package of a new plugin, to start from."""


@command.command("plugin")
@click.argument("name")
@click.option("--output", metavar="FOLDER", type=click.Path(path_type=Path), help="Where to; by default ./NAME.")
@click.option("--force", is_flag=True, help="Replace files in FOLDER that are there; others stay.")
@traceback_option
def new_plugin(name: str, output: Path | None, force: bool) -> None:
    """Write a package called NAME with two strategies: one that trains and one that does not.

    It can be installed, used and tested as it is: it has types, tests, a recipe, and a file for CI.
    """
    from compressor.scaffolding.plugin_package import names_of, write_plugin

    distribution, module = names_of(name)
    folder = output or Path(name)
    count = len(write_plugin(name, folder, force))
    say(f"{folder}: {count} files of the package {distribution}, with the strategies {module}_trim and {module}_clip")
    say(f"  pip install --editable {folder if folder.is_absolute() else f'./{folder}'}")
    say(f"  compressor apply {folder / 'recipe.yaml'} --smoke")
    say(f"then make a strategy of your own of {folder / 'src' / module / 'trim.py'}, or clip.py, which trains")


@command.command("recipe")
@click.option("--model", metavar="SOURCE", help="A model file, or a registered model.")
@click.option(
    "--data", metavar="SOURCE", help="A data file or folder, a registered data set, or package.module:function."
)
@click.option("--max-size", metavar="SIZE", help="The largest file, as 25kB.")
@click.option("--max-drop", metavar="SHARE", help="The largest drop of the accuracy, as 0.5%.")
@click.option("--family", metavar="NAME", type=FAMILY, help="Start from the recipe of a family, and look at no model.")
@click.option(
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path),
    default=Path("recipe.yaml"),
    show_default=True,
    help="Where to.",
)
@click.option("--force", is_flag=True, help="Replace FILE if it exists.")
@trust_option
@debug_option
def new_recipe(
    model: str | None,
    data: str | None,
    max_size: str | None,
    max_drop: str | None,
    family: str | None,
    output: Path,
    force: bool,
    trust_model: bool,
    debug: bool,
) -> None:
    """Write a recipe for a model and data, with a comment beside each line that says why it is there.

    The steps are chosen by the layers of the model and by what --max-size leaves room for, loss and metric by its
    outputs and the labels. In a terminal, what is needed and not given is asked for.

    \b
    Families: autoencoder, efficientnet, mobilenet, sequence, small-cnn, table, transformer, unet.
    """
    from compressor.scaffolding.new_recipe import check_recipe

    refuse_output(output, force)
    if family is None:
        model, data, max_size, max_drop = _asked(model, data, max_size, max_drop)
    made = _made(model, data, _limits(max_size, max_drop), family, output, trust_model, debug)
    with written(output) as temporary:
        temporary.write_text(made.text, encoding="utf-8", newline="\n")
        check_recipe(temporary, output)
    steps = ", ".join(step.uses for step in made.steps.steps)
    say(f"{output}: a recipe with the steps {steps}" if steps else f"{output}: the recipe of the family {family}")
    if made.steps.warning:
        tell(f"warning: {made.steps.warning}")
    for note in made.steps.notes:
        say(f"  {note}")
    if family and not (model and data):
        say("  put your own model and data into it, as --model and --data do")
        return
    say(f"  compressor plan {output}            shows what it would run")
    say(f"  compressor apply {output} --smoke   tries it on a few samples")


def _made(
    model: str | None, data: str | None, limits: Limits, family: str | None, output: Path, trusted: bool, debug: bool
) -> NewRecipe:
    import tempfile

    from compressor.cli.native_output import native_output_to
    from compressor.scaffolding.new_recipe import recipe_for, recipe_of

    if family is not None:
        return recipe_of(family, model, data, output.parent, limits)
    assert model is not None
    assert data is not None
    with tempfile.TemporaryDirectory() as folder, native_output_to(None if debug else Path(folder) / "log"):
        return recipe_for(model, data, output.parent, limits, trusted)


def _limits(max_size: str | None, max_drop: str | None) -> Limits:
    from compressor.scaffolding.recipe_choices import limits_of

    return limits_of(max_size or None, max_drop or None)


def _asked(
    model: str | None, data: str | None, max_size: str | None, max_drop: str | None
) -> tuple[str, str, str | None, str | None]:
    """The options, with answers for those that are missing.

    Raises:
        click.UsageError: the model or the data is missing, and there is nobody to ask.
    """
    if model and data:
        return model, data, max_size, max_drop
    missing = " and ".join(name for name, given in (("--model", model), ("--data", data)) if not given)
    if not (sys.stdin is not None and sys.stdin.isatty()):
        raise click.UsageError(f"{missing} must be given, or --family for a recipe to put them into")
    try:
        model = model or click.prompt("Model: a file, or the name of a registered one", err=True)
        data = data or click.prompt("Data: a file or folder, or the name of a registered set", err=True)
        if max_size is None:
            max_size = click.prompt("Largest file, as 25kB; nothing for a quarter of the size", "", False, err=True)
        if max_drop is None:
            max_drop = click.prompt("Largest drop of the accuracy, as 0.5%", "1%", err=True)
    except click.Abort:
        raise KeyboardInterrupt from None
    return str(model), str(data), max_size, max_drop
