"""`compressor debug`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from compressor.base.errors import ModelError, OutputError
from compressor.base.standard_output import say, say_json
from compressor.cli.options import debug_option, json_option, plugin_option, trust_option
from compressor.cli.own_command import OwnCommand

if TYPE_CHECKING:
    from collections.abc import Sequence

    from compressor.debugging.operator_graph import OperatorGraph
    from compressor.debugging.ranking import RankedOperator


@click.command("debug", cls=OwnCommand)
@click.argument("quantized", metavar="RUN|FILE", type=click.Path(path_type=Path))
@click.option(
    "--float", "float_model", type=click.Path(path_type=Path), help="The float model that FILE was made from."
)
@click.option("--data", help="A registered data set, a path, or package.module:function; a RUN has its own.")
@click.option("--metric", "metrics", multiple=True, help="Metric to score by; a RUN has its own.  [default: accuracy]")
@click.option(
    "--samples", type=click.IntRange(1, 10_000), default=32, show_default=True, help="Validation samples to compare on."
)
@click.option(
    "--try",
    "tries",
    type=click.IntRange(0, 20),
    default=3,
    show_default=True,
    help="Sets of layers to keep and score.",
)
@click.option(
    "--node-data",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write error, zeros, bits and bytes of the operators into this folder, for Model Explorer.",
)
@click.option("--force", is_flag=True, help="Replace the files in that folder.")
@plugin_option
@trust_option
@json_option
@debug_option
def command(
    quantized: Path,
    float_model: Path | None,
    data: str | None,
    metrics: tuple[str, ...],
    samples: int,
    tries: int,
    node_data: Path | None,
    force: bool,
    plugins: tuple[Path, ...],
    trust_model: bool,
    as_json: bool,
    debug: bool,
) -> None:
    """Show which layers of a quantized model cost its accuracy, and what it gains to keep them in more bits.

    RUN is the folder of a run, whose quantized file is held against the float model before it. FILE is a quantized
    .tflite file; it needs --float and --data. Each operator is run alone, so that what it adds is told apart from
    what it inherits. `compressor sensitivity` tells instead, before quantizing, what fewer bits would cost.
    """
    from compressor.cli.command_registry import registry_with
    from compressor.cli.native_output import native_output_dropped
    from compressor.debugging.debug_subject import of_files, of_run
    from compressor.debugging.error_table import as_data, print_errors
    from compressor.debugging.layer_errors import compared
    from compressor.debugging.ranking import ranked, refuse_uncompared
    from compressor.debugging.tryouts import tried
    from compressor.models.files.tensorflow_setup import prepare_tensorflow
    from compressor.report.screen import Screen

    _refuse(quantized, float_model, data, node_data, force)
    registry = registry_with(plugins)
    with (
        native_output_dropped(debug) as stderr,
        Screen(stderr).waiting("loading") as status,  # shown in a terminal only
    ):
        prepare_tensorflow(seed=0)
        if float_model is None:
            subject = of_run(quantized, registry, data, metrics, trust_model)
        else:
            assert data is not None
            subject = of_files(quantized, float_model, registry, data, metrics or ("accuracy",), trust_model)
        taken = [features for features, _ in subject.data.validation.take(samples).batches(1)]

        def tell(share: float) -> None:
            status.update(f"running each operator alone: {share:.0%}")

        comparison = compared(subject.quantized, subject.exact, taken, tell)
        rows = ranked(comparison, subject.names)
        refuse_uncompared(comparison, rows, subject.title)
        status.update("keeping layers in more bits")
        tryouts = tried(subject, comparison, rows, taken, tries) if subject.maker and tries else None
    if node_data is not None:
        _write_node_data(node_data, comparison.quantized, rows)
    if as_json:
        say_json(as_data(subject, comparison, rows, tryouts))
        return
    print_errors(subject, comparison, rows, tryouts, Screen())
    if node_data is not None:
        say(f" {node_data}/ error.json · zeros.json · bits.json · bytes.json, for Model Explorer")


def _refuse(quantized: Path, float_model: Path | None, data: str | None, node_data: Path | None, force: bool) -> None:
    if not quantized.exists():
        raise ModelError(f"there is no run or file {quantized}", "check the path")
    if quantized.is_dir() and float_model is not None:
        raise click.UsageError(f"{quantized} is a run, which has its float model; leave out --float.")
    if not quantized.is_dir() and (float_model is None or data is None):
        missing = "--float" if float_model is None else "--data"
        raise click.UsageError(f"{quantized} is a file, so {missing} is needed.")
    if node_data is not None and node_data.exists() and not force:
        from compressor.debugging.node_data import NODE_DATA

        for name in NODE_DATA:
            if (node_data / f"{name}.json").exists():
                remedy = "choose another folder, or pass --force to replace it"
                raise OutputError(f"{node_data / f'{name}.json'} exists already", remedy)


def _write_node_data(folder: Path, graph: OperatorGraph, rows: Sequence[RankedOperator]) -> None:
    from compressor.cli.outputs import written
    from compressor.debugging.node_data import node_data

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"the folder {folder} cannot be made ({error.strerror})", "choose another place") from None
    for name, text in node_data(graph, rows).items():
        with written(folder / f"{name}.json") as temporary:
            temporary.write_text(text, encoding="utf-8")
