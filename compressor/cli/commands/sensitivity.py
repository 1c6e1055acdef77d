"""`compressor sensitivity`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from compressor.base.errors import CompressorError, ModelError, PluginError, StepError
from compressor.base.standard_output import say_json
from compressor.cli.options import debug_option, json_option, plugin_option, trust_option
from compressor.cli.own_command import OwnCommand

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from compressor.contracts.layer_sensitivity import LayerSensitivity, Rounding, SensitivityStrategy, WeightType
    from compressor.planning.registry import Registry
    from compressor.report.screen import Screen
    from compressor.report.screen_table import Align

_TYPES = ("float16", "int8", "int4", "int2")
_BAR = 12  # characters
_BARS_FROM = 100  # columns of the terminal


@click.command("sensitivity", cls=OwnCommand)
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--data", required=True, help="A registered data set, a path, or package.module:function.")
@click.option(
    "--type",
    "types",
    multiple=True,
    type=click.Choice(_TYPES),
    default=_TYPES[1:],
    show_default=True,
    help="Type of weights to try. May be repeated.",
)
@click.option(
    "--algorithm",
    type=click.Choice(["min_max", "octav", "mse"]),
    default="octav",
    show_default=True,
    help="How weights are rounded.",
)
@click.option(
    "--samples", type=click.IntRange(1, 10_000), default=128, show_default=True, help="Training samples to compare on."
)
@click.option(
    "--strategy", default="mixed_precision", show_default=True, help="Strategy that measures; plugins may bring others."
)
@plugin_option
@trust_option
@json_option
@debug_option
def command(
    model: Path,
    data: str,
    types: tuple[WeightType, ...],
    algorithm: Rounding,
    samples: int,
    strategy: str,
    plugins: tuple[Path, ...],
    trust_model: bool,
    as_json: bool,
    debug: bool,
) -> None:
    """Show how much the outputs of MODEL change when one layer's weights are stored in fewer bits.

    MODEL is a Keras model or a float .tflite file. The figures are root mean square differences, as shares of the
    float model's outputs, and the step mixed_precision chooses types by them. `compressor debug` looks instead at a
    file that is quantized already, with its activations.
    """
    from itertools import islice

    from compressor.base.path_or_function import Reference
    from compressor.base.plugin_errors import fenced
    from compressor.cli.command_registry import registry_with
    from compressor.cli.native_output import native_output_dropped
    from compressor.debugging.debug_subject import is_quantized
    from compressor.models.files.loading import build_model
    from compressor.models.files.missing_file import refuse_missing
    from compressor.models.files.tensorflow_setup import prepare_tensorflow
    from compressor.report.screen import Screen
    from compressor.run.named_data_and_metrics import find_data

    refuse_missing(model)
    registry = registry_with(plugins)
    measuring, origin = _find_strategy(registry, strategy)
    with native_output_dropped(debug):
        prepare_tensorflow(seed=0)
        built = build_model(Reference("path", str(model)), trust_model).model
        if isinstance(built, bytes) and is_quantized(built):
            what = f"{model} is quantized already"
            raise ModelError(what, "give the float file that it was made from, or look at it with 'compressor debug'")
        train = find_data(registry, data).train
        taken = [features for features, _ in islice(train.sample(samples, 0).batches(1), samples)]
        with fenced(origin, StepError, (CompressorError,)):
            table = measuring.sensitivity(built, taken, types, algorithm)
    if as_json:
        rows = [
            {
                "layer": row.layer,
                "kind": row.kind,
                "weights": row.weights,
                "bytes": dict(row.bytes),
                "errors": dict(row.errors),
            }
            for row in table
        ]
        say_json({"samples": len(taken), "algorithm": algorithm, "layers": rows})
        return
    screen = Screen()
    screen.print(_table(table, types, screen))
    screen.show(
        f" change of the outputs, on {len(taken):,} training samples; one layer at a time, rounded by {algorithm}"
    )


def _find_strategy(registry: Registry, name: str) -> tuple[type[SensitivityStrategy], str]:
    """The strategy of that name, and its name and provider for errors."""
    from compressor.contracts.layer_sensitivity import SensitivityStrategy

    entry = registry.get("strategy", name)
    if entry is None:
        raise PluginError(f"unknown strategy '{name}'", registry.hint("strategy", name).removeprefix("; "))
    if not issubclass(entry.cls, SensitivityStrategy):
        what = f"the strategy '{name}' ({entry.provider}) does not measure sensitivity"
        raise PluginError(what, "leave out --strategy, or name one derived from SensitivityStrategy")
    return entry.cls, f"the strategy '{name}' ({entry.provider})"


def _table(rows: Sequence[LayerSensitivity], types: Sequence[WeightType], screen: Screen) -> RenderableType:
    """A table with a row for each layer and a bar for each type; the longest bar is the largest change.

    A narrow terminal leaves out the bars, then the kinds of the layers and the numbers of weights.
    """
    largest = max((error for row in rows for error in row.errors.values()), default=0.0) or 1.0
    wide = screen.width >= _BARS_FROM
    headings: list[tuple[str, Align]] = [("layer", "left"), ("kind", "left"), ("weights", "right")]
    headings += [(type_, "whole") for type_ in types]
    cells = [
        [row.layer, row.kind, f"{row.weights:,}", *(_cell(row.errors.get(type_), largest, wide) for type_ in types)]
        for row in rows
    ]
    shown = range(3, len(headings))
    return screen.table(headings, cells, [[0, 1, 2, *shown], [0, 2, *shown], [0, *shown]], fold=True)


def _cell(error: float | None, largest: float, bar: bool) -> str:
    text = "      -" if error is None else f"{error:7.2%}"
    return f"{text} {'█' * round(_BAR * (error or 0) / largest)}".rstrip() if bar else text
