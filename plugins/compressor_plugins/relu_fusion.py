"""Fuses a ReLU that stands alone into the layer before it, as quantization-aware training needs it.

tfmot gives a Conv2D, DepthwiseConv2D or Dense that a separate ReLU follows a quantize config which does nothing
(`LayerReLUQuantize` in its `default_8bit_transforms.py`), so that its weights are silently never fake-quantized.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

_PRODUCERS = ("Conv2D", "DepthwiseConv2D", "Dense")


def fuse_relus(model: Any) -> tuple[Any, list[str]]:
    """A copy of a functional or sequential model with its plain ReLUs fused, and the names of those that are gone."""
    import tf_keras

    functional = tf_keras.Model(model.inputs, model.outputs, name=model.name)
    config = functional.get_config()
    layers = {layer["name"]: layer for layer in config["layers"]}
    ends = {name for name, _, _ in _references(config["output_layers"])}
    uses = Counter(name for layer in config["layers"] for name, _, _ in _references(layer["inbound_nodes"]))
    fused: dict[str, str] = {}
    for name, layer in layers.items():
        sources = list(_references(layer["inbound_nodes"]))
        if not _is_plain_relu(layer) or len(sources) != 1:
            continue
        before = layers[sources[0][0]]
        free = uses[before["name"]] == 1 and before["name"] not in ends and len(before["inbound_nodes"]) == 1
        if free and before["class_name"] in _PRODUCERS and before["config"]["activation"] == "linear":
            before["config"]["activation"] = "relu"
            fused[name] = before["name"]
    if not fused:
        return _copy(functional, functional.get_config()), []
    config["layers"] = [layer for layer in config["layers"] if layer["name"] not in fused]
    for part in ("output_layers", "layers"):
        _rename(config[part], fused)
    return _copy(functional, config), list(fused)


def _is_plain_relu(layer: dict[str, Any]) -> bool:
    config = layer["config"]
    if layer["class_name"] == "Activation":
        return bool(config["activation"] == "relu")
    plain = not (config.get("max_value") is not None or config.get("negative_slope") or config.get("threshold"))
    return layer["class_name"] == "ReLU" and plain


def _references(nodes: Any) -> Iterator[tuple[str, int, int]]:
    """Every (layer, node, tensor) in a config's nested lists."""
    if isinstance(nodes, list | tuple):
        if len(nodes) >= 3 and isinstance(nodes[0], str) and isinstance(nodes[1], int):
            yield nodes[0], nodes[1], nodes[2]
            nodes = nodes[3:]
        for node in nodes:
            yield from _references(node)
    elif isinstance(nodes, dict):
        for node in nodes.values():
            yield from _references(node)


def _rename(nodes: Any, names: dict[str, str]) -> None:
    if isinstance(nodes, list):
        if len(nodes) >= 3 and isinstance(nodes[0], str) and isinstance(nodes[1], int) and nodes[0] in names:
            nodes[0] = names[nodes[0]]
        for node in nodes:
            _rename(node, names)
    elif isinstance(nodes, dict):
        for key in ("inbound_nodes",) if "inbound_nodes" in nodes else tuple(nodes):
            _rename(nodes[key], names)


def _copy(model: Any, config: dict[str, Any]) -> Any:
    import tf_keras

    copy = tf_keras.Model.from_config(config)
    for layer in copy.layers:
        layer.set_weights(model.get_layer(layer.name).get_weights())
    return copy
