"""Counts or measures the cost of a model whose channels were removed or copied: parameters, bytes, latency."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial
from math import prod

from compressor import Arrays, to_litert
from compressor.contracts.keras_layer_support import keras_layer
from compressor.models.litert import LiteRTModel
from compressor_plugins.channels.groups import resized, weight_shapes
from compressor_plugins.channels.types import ChannelGroups, Copies
from compressor_plugins.graph.layer_graph import LayerGraph

Cost = Callable[[Copies], float]

_TIMINGS = 3


def cost_of(name: str, graph: LayerGraph, groups: ChannelGroups, sample: Arrays) -> Cost:
    """The cost of a name, `sample` of which LiteRT is timed with: shape (1, ...)."""
    if name == "channels":
        return partial(removable, groups)
    if name == "latency":
        return lambda copies: seconds(graph, groups, copies, sample)
    return partial({"parameters": parameters, "flops": flops, "bytes": file_bytes}[name], graph, groups)


def removable(groups: ChannelGroups, copies: Copies) -> int:
    """Channels that are there and could go."""
    made = (root for slot in groups.makers() for root in groups.roots(slot.atoms[groups.free(slot.atoms)]))
    return sum(copies.get(int(root), 1) for root in made)


def parameters(graph: LayerGraph, groups: ChannelGroups, copies: Copies) -> int:
    """Weights of all layers."""
    return sum(prod(shape) for shapes in weight_shapes(graph, groups, copies).values() for shape in shapes)


def flops(graph: LayerGraph, groups: ChannelGroups, copies: Copies) -> int:
    """Multiplications and additions for one sample in convolutions and dense layers, two for each weight in use."""
    shapes = weight_shapes(graph, groups, copies)
    total: Counter[str] = Counter()
    for number, node in graph.nodes.items():
        kind = graph.layers[node.layer].kind
        kernels = keras_layer(kind).kernels
        if not kernels and "Conv" not in kind:  # a class without a record counts by its name
            continue
        source = graph.sources(number)[0]
        transposed = "Transpose" in kind or any(kernel.is_transposed for kernel in kernels)
        seen = graph.nodes[source.node].shapes[source.tensor] if transposed else node.shapes[0]
        places = prod(size or 1 for size in seen[1:-1])
        total[node.layer] += 2 * places * sum(prod(shape) for shape in shapes[node.layer][: len(kernels) or 1])
    return sum(total.values())


def file_bytes(graph: LayerGraph, groups: ChannelGroups, copies: Copies) -> int:
    """Bytes of the float `.tflite` file."""
    return len(to_litert(resized(graph, groups, copies).build()))


def seconds(graph: LayerGraph, groups: ChannelGroups, copies: Copies, sample: Arrays) -> float:
    """Seconds that LiteRT takes for a sample of shape (1, ...) on this machine: the best median of a few."""
    model = LiteRTModel(to_litert(resized(graph, groups, copies).build()))
    return min(model.latency(sample).p50 for _ in range(_TIMINGS))
