"""`compressor apply`."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console

from compressor.cli.native_output import native_output_to
from compressor.cli.options import debug_option, json_option, seed_option, set_option
from compressor.errors import ExitCode


@click.command("apply", short_help="Run a recipe.")
@click.argument("recipe")
@set_option
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path),
    help="Folder for the results, new or empty.  [default: runs/<recipe>/<time>-<hash>]",
)
@seed_option
@click.option("--smoke", is_flag=True, help="A few samples and a step or two of each training: does the chain work?")
@click.option("--quiet", "-q", is_flag=True, help="Print the final report only.")
@json_option
@debug_option
def command(
    recipe: str,
    overrides: tuple[str, ...],
    output: Path | None,
    seed: int,
    smoke: bool,
    quiet: bool,
    as_json: bool,
    debug: bool,
) -> int:
    """Run RECIPE, a file or the name of one that ships, and report what each step did to size and accuracy."""
    from compressor import api
    from compressor.registry import Registry
    from compressor.render.progress import watching
    from compressor.render.terminal import print_report

    registry = Registry.installed()
    plan = api.plan(recipe, overrides=overrides, registry=registry, seed=seed, smoke=smoke)
    folder = api.prepare_folder(plan, output)
    with native_output_to(None if debug else folder / "run.log") as stream:
        console = Console(file=stream)
        observer = watching(console, quiet or as_json)
        try:
            report = api.execute(plan, folder, registry, observer)
        finally:
            observer.paused()
    if as_json:
        click.echo(report.model_dump_json(indent=2))
    else:
        out = Console(highlight=False)
        out.print()
        print_report(report, out)
        out.print(f" {folder}/   model.tflite · report.md · report.json", soft_wrap=True, markup=False)
    if report.met:
        return ExitCode.DONE
    missed = ", ".join(row.name for row in report.constraints if not row.met)
    click.echo(f"error: missed {missed}; change the recipe's steps, or its constraints", err=True)
    return ExitCode.CONSTRAINT
