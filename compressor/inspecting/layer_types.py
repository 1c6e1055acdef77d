"""What each step does to each type of layer: the table of docs/layers.md, as `python tests/layer_table.py` makes it."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

_NO_STEPS = {"layer", "bridge"}
_IN_FLOAT = "float operators left in the int8 file"


@dataclass(frozen=True)
class LayerType:
    """A layer class.

    Attributes:
        steps: by the name of a step: works, calibrated, float, refused, or - where there is nothing to do.
        left_in_float: the operators that compute in float in the int8 file of such a layer; empty for none.
    """

    steps: Mapping[str, str]
    left_in_float: str


@cache
def layer_types() -> Mapping[str, LayerType]:
    """The layer classes that were tried, by name."""
    text = (files("compressor.inspecting") / "layer_types.csv").read_text("utf-8")
    return {row["layer"]: _layer_type(row) for row in csv.DictReader(text.splitlines())}


def _layer_type(row: dict[str, str]) -> LayerType:
    in_float = row.pop(_IN_FLOAT)
    steps = {name: verdict for name, verdict in row.items() if name not in _NO_STEPS}
    return LayerType(steps, in_float if in_float[:1].isdigit() else "")
