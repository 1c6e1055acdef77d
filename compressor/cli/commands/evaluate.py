"""`compressor evaluate`."""

from __future__ import annotations

from pathlib import Path

import click

from compressor.base.standard_output import say, say_json, tell
from compressor.cli.options import debug_option, json_option, plugin_option, trust_option
from compressor.cli.own_command import OwnCommand


@click.command("evaluate", cls=OwnCommand)
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--data", required=True, help="A registered data set, a path, or package.module:function.")
@click.option(
    "--metric", "metrics", multiple=True, default=["accuracy"], show_default=True, help="Metric. May be repeated."
)
@plugin_option
@trust_option
@json_option
@debug_option
def command(
    model: Path,
    data: str,
    metrics: tuple[str, ...],
    plugins: tuple[Path, ...],
    trust_model: bool,
    as_json: bool,
    debug: bool,
) -> None:
    """Measure MODEL, a .tflite file, a package or a Keras 2 model, on the test split of a data set, in LiteRT."""
    from compressor.base.sizes import format_size
    from compressor.cli.command_registry import registry_with
    from compressor.cli.native_output import native_output_dropped
    from compressor.measure.evaluation import measure
    from compressor.measure.input_checks import shapes_of
    from compressor.measure.label_checks import class_count_warnings
    from compressor.measure.statistics import score
    from compressor.models.files.as_litert import shipped_bytes
    from compressor.models.files.missing_file import refuse_missing
    from compressor.report.figures import time_text
    from compressor.run.named_data_and_metrics import find_data, find_metrics

    refuse_missing(model)
    registry = registry_with(plugins)
    configured_metrics = find_metrics(registry, metrics)
    with native_output_dropped(debug):
        loaded = find_data(registry, data)
        test = loaded.test
        measured = measure(shipped_bytes(model, trust_model, of_data=shapes_of(test)), test, configured_metrics)
    outputs = [end.shape[1:] for end in measured.outputs]
    for warning in class_count_warnings(loaded.classes, outputs[0]) if len(outputs) == 1 else ():
        tell(f"warning: {warning}")
    scores = {}
    for configured in configured_metrics:
        with configured.running():
            scores[configured.name] = score(measured.scores[configured.name], configured.metric)
    if as_json:
        values = {name: {"value": s.value, "low": s.low, "high": s.high} for name, s in scores.items()}
        sizes = {"bytes": measured.anatomy.bytes, "gzip_bytes": measured.anatomy.gzip_bytes}
        latency = {"latency_p50": measured.latency.p50, "latency_p90": measured.latency.p90}
        say_json({"metrics": values, "samples": test.size, **sizes, **latency})
        return
    for configured in configured_metrics:
        result = scores[configured.name]
        unit, factor = (" %", 100) if configured.metric.share else ("", 1)
        text = f"{result.value * factor:.4g}{unit}  (95 %: {result.low * factor:.4g} to {result.high * factor:.4g})"
        say(f"{configured.name}  {text} on {test.size:,} samples")
    latency_text = f"p50 {time_text(measured.latency.p50)}, p90 {time_text(measured.latency.p90)}"
    say(f"size      {format_size(measured.anatomy.bytes)}, {format_size(measured.anatomy.gzip_bytes)} gzipped")
    say(f"latency   {latency_text} (one sample, one thread)")
