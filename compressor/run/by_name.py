"""Data sets and metrics by name, outside a recipe."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from compressor.base.errors import DataError, PluginError
from compressor.base.import_path import names_function
from compressor.base.text import did_you_mean
from compressor.contracts.configured_metric import ConfiguredMetric, FunctionMetric
from compressor.data.from_source import load_splits
from compressor.data.run_data import RunData, run_data
from compressor.data.section import DataSection
from compressor.data.split import Splits
from compressor.planning.registry import Registry
from compressor.planning.source_text import reference
from compressor.run.stages.inputs import dataset_splits


def find_metrics(registry: Registry, names: Sequence[str]) -> list[ConfiguredMetric]:
    """The metrics of these names, or of the functions of this form, at their defaults.

    Raises:
        PluginError: there is no such metric, or it needs parameters.
    """
    found = []
    for name in names:
        if names_function(name):
            found.append(ConfiguredMetric.of(FunctionMetric(name, {}, higher_is_better=True)))
            continue
        entry = registry.get("metric", name)
        if entry is None:
            raise PluginError(
                f"there is no metric '{name}'", did_you_mean(name, registry.names("metric")).removeprefix("; ")
            )
        try:
            metric = entry.cls()
        except ValidationError:
            raise PluginError(f"the metric '{name}' needs parameters", "evaluate it in a recipe") from None
        found.append(ConfiguredMetric.of(metric, origin=str(entry.provider)))
    return found


def find_data(registry: Registry, name: str) -> RunData:
    """The data that a name, a path or a function stands for, with the splits that a recipe gets by default.

    Raises:
        DataError: there is none.
    """
    return run_data(name, _found(registry, name), DataSection(source=name), seed=0, smoke=False)


def _found(registry: Registry, name: str) -> Splits:
    if found := reference(name, Path.cwd(), {}):
        return load_splits(found)
    entry = registry.get("data set", name)
    if entry is None:
        hint = did_you_mean(name, registry.names("data set")).removeprefix("; ")
        raise DataError(f"there is no data set '{name}'", hint)
    try:
        dataset = entry.cls(entry.cls.Params())
    except ValidationError:
        raise DataError(f"the data set '{name}' needs parameters", "evaluate it in a recipe") from None
    return dataset_splits(dataset, f"the data set '{name}' ({entry.provider})")
