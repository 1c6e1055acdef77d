"""The parameters of `cluster`."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

import compressor
from compressor.contracts.param_fields import Search


class ClusterParams(compressor.TrainingParams, compressor.LayerTargets):
    """How many values a kernel may have, how k-means starts, and how to train."""

    by_layer: ClassVar[tuple[str, ...]] = ("clusters",)

    number_of_clusters: Annotated[int, Search.of(8, 16, 32, 64)] = Field(
        16, ge=2, le=4096, description="largest number of different values in a kernel, zero included"
    )
    clusters: dict[str, Annotated[int, Field(ge=2, le=4096)]] = Field(
        {},
        description="`number_of_clusters` for single layers, by name, glob or type; the last match counts",
    )
    centroids: Literal["linear", "density", "random", "kmeans++"] = Field(
        "linear",
        description="how k-means starts: spread evenly over the range of the weights (`linear`) or over their "
        "distribution (`density`), at `random` weights, or at weights far apart (`kmeans++`)",
    )
    per_channel: bool = Field(
        False, description="cluster each output channel separately, with `number_of_clusters` values each"
    )
    epochs: int = Field(2, ge=1, le=10_000, description="passes over the training split")
