"""Finds data sets and metrics by name, for commands that run without a recipe."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from compressor.base.errors import DataError, PluginError
from compressor.base.import_path import names_function
from compressor.base.text import did_you_mean
from compressor.contracts.configured_metric import ConfiguredMetric, FunctionMetric
from compressor.data.from_source import dataset_splits, load_splits
from compressor.data.prepared_splits import RunData, run_data
from compressor.data.section import DataSection
from compressor.data.split import Splits
from compressor.planning.registry import Registry
from compressor.planning.source_text import reference


def find_metrics(registry: Registry, names: Sequence[str]) -> list[ConfiguredMetric]:
    """The metrics of these names, each that of a registered metric or `package.module:function`, at their defaults.

    Raises:
        PluginError: there is no such metric, or it needs parameters.
    """
    metrics = []
    for name in names:
        if names_function(name) and not registry.is_qualified("metric", name):
            metrics.append(ConfiguredMetric.of(FunctionMetric(name, {}, higher_is_better=True)))
            continue
        entry = registry.get("metric", name)
        if entry is None:
            raise PluginError(
                f"there is no metric '{name}'", did_you_mean(name, registry.names("metric")).removeprefix("; ")
            )
        try:
            metric = entry.cls()
        except ValidationError:
            raise PluginError(f"the metric '{name}' needs parameters", "set them in a recipe") from None
        metrics.append(ConfiguredMetric.of(metric, origin=str(entry.provider)))
    return metrics


def find_data(registry: Registry, name: str) -> RunData:
    """Load data by name, by path or from `package.module:function`, with the splits that a recipe has by default.

    Raises:
        DataError: there is no such data set, it needs parameters, or it cannot be loaded.
    """
    return run_data(name, _splits(registry, name), DataSection(source=name), seed=0, smoke=False)


def _splits(registry: Registry, name: str) -> Splits:
    source = reference(name, Path.cwd(), {})
    if source and not registry.is_qualified("data set", name):
        return load_splits(source)
    entry = registry.get("data set", name)
    if entry is None:
        hint = did_you_mean(name, registry.names("data set")).removeprefix("; ")
        raise DataError(f"there is no data set '{name}'", hint)
    try:
        dataset = entry.cls(entry.cls.Params())
    except ValidationError:
        raise DataError(f"the data set '{name}' needs parameters", "set them in a recipe") from None
    return dataset_splits(dataset, f"the data set '{name}' ({entry.provider})")
