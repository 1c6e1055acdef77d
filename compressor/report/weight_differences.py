"""How far the weights of the last file are from those of the first, tensor by tensor."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compressor.contracts.report_rows import LayerRow
from compressor.measure.results import RunResult
from compressor.models.litert.reading.contents import real_weights
from compressor.models.packing.package import unpacked
from compressor.report.layer_rows import named_stage


def with_differences(layers: list[LayerRow], result: RunResult) -> list[LayerRow]:
    """The rows of the last stage's tensors, with their differences from the first stage's."""
    if len(result.stages) < 2:
        return layers
    ends = result.stages[0], named_stage(result.stages)
    before, after = (real_weights(unpacked(stage.content)) for stage in ends)
    return [
        layer.model_copy(update={"difference": _difference(before.get(layer.name), after.get(layer.name))})
        for layer in layers
    ]


def _difference(before: NDArray[Any] | None, after: NDArray[Any] | None) -> float | None:
    """The root mean square of the difference as a share; None where there is nothing to hold it against."""
    if before is None or after is None or before.shape != after.shape:
        return None
    size = float(np.linalg.norm(before))
    share = float(np.linalg.norm(after - before)) / size if size else math.inf
    return share if math.isfinite(share) else None
