"""Lets sequences be images of one row where one-dimensional convolutions work on them, as LiteRT runs these anyway.

tfmot knows no Conv1D, and would leave it in float where plain post-training quantization would not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from compressor_plugins.graph.layer_graph import GraphLayer, LayerGraph, Ref, Shape, Weights, graph_layer, rewired
from compressor_plugins.graph.rewrites import Done

Config: TypeAlias = dict[str, Any]

_CONVOLUTIONS = ("Conv1D", "Conv1DTranspose", "DepthwiseConv1D", "SeparableConv1D")
_ELEMENTWISE = {
    "Add", "Average", "ELU", "GaussianDropout", "GaussianNoise", "LeakyReLU", "Maximum", "Minimum", "Multiply", "ReLU",
    "Subtract",
}  # fmt: skip
_LEAVING = {
    "Flatten": "Flatten", "Reshape": "Reshape",
    "GlobalAveragePooling1D": "GlobalAveragePooling2D", "GlobalMaxPooling1D": "GlobalMaxPooling2D",
}  # fmt: skip  # what they make of an image of one row is what they make of the sequence


def convolutions_as_2d(graph: LayerGraph, transposed: bool = True) -> Done:
    """Give each one-dimensional convolution images of one row, and what stands between two of them as well."""
    work = _Rows(graph, [kind for kind in _CONVOLUTIONS if transposed or kind != "Conv1DTranspose"])
    if any(layer.kind in work.kinds for layer in graph.layers.values()):
        for number in graph.order():
            work.visit(number)
    count = len(work.changed)
    return Done(f"gave {count} one-dimensional convolution{'s' if count != 1 else ''} images of one row", work.changed)


@dataclass
class _Rows:
    graph: LayerGraph
    kinds: Sequence[str]  # of convolutions to turn
    changed: list[str] = field(default_factory=list)
    images: set[int] = field(default_factory=set)  # nodes that make images now
    entries: dict[Ref, int] = field(default_factory=dict)  # reshapes of sequences to images
    exits: dict[int, int] = field(default_factory=dict)  # reshapes back, by the node that makes an image

    def visit(self, number: int) -> None:
        """Turn a node, whose sources were visited, or give it the sequences that it took before."""
        graph, layer, sources = self.graph, self.graph.layer_of(number), self.graph.sources(number)
        alone = len(graph.calls(layer.name)) == 1
        of_images = bool(sources) and all(ref.node in self.images for ref in sources)
        if alone and layer.kind in self.kinds and self._is_fixed(number):
            self._enter(number, layer)
            self._turn(number, _convolution(layer))
            self.changed.append(layer.name)
        elif alone and of_images and (twin := _twin(layer)) is not None:
            self._turn(number, twin)
        elif alone and of_images and layer.kind in _LEAVING and _leaves(layer.config):
            graph.replace_layer(layer.name, _as(layer, _LEAVING[layer.kind]))
        else:
            back = {ref: Ref(self._exit(ref.node)) for ref in sources if ref.node in self.images}
            graph.redirect(back, [number])

    def _is_fixed(self, number: int) -> bool:
        (source,) = self.graph.sources(number)
        given, made = self.graph.nodes[source.node].shapes[source.tensor], self.graph.nodes[number].shapes[0]
        fixed = len(made) == 3 and None not in (*given[1:], *made[1:])
        return fixed and _is_last(self.graph.layer_of(number).config)

    def _enter(self, number: int, layer: GraphLayer) -> None:
        from tf_keras.layers import Reshape, ZeroPadding2D

        graph, (source,) = self.graph, self.graph.sources(number)
        if source.node not in self.images:
            if source not in self.entries:
                image = _image(graph.nodes[source.node].shapes[source.tensor])
                name = graph.free_name(f"{layer.name}_image")
                self.entries[source] = graph.insert_after(source, graph_layer(Reshape(image[1:], name=name)), [], image)
            graph.redirect({source: Ref(self.entries[source])}, [number])
        if layer.config["padding"] == "causal":
            (source,) = graph.sources(number)
            missing = (layer.config["kernel_size"][0] - 1) * layer.config["dilation_rate"][0]
            samples, rows, steps, channels = graph.nodes[source.node].shapes[0]
            padding = ZeroPadding2D(((0, 0), (missing, 0)), name=graph.free_name(f"{layer.name}_padding"))
            padded = (samples, rows, (steps or 0) + missing, channels)
            graph.insert_after(source, graph_layer(padding), [number], padded)

    def _turn(self, number: int, twin: GraphLayer) -> None:
        """Put the layer for images in; an output of the model stays the sequence that it was, by its name."""
        graph, name = self.graph, self.graph.nodes[number].layer
        sequence = graph.nodes[number].shapes[0]
        given = graph.is_output(number)
        if given:
            twin = replace(twin, config=twin.config | {"name": graph.free_name(f"{name}_row")})
        graph.replace_layer(name, twin)
        graph.nodes[number] = replace(graph.nodes[number], shapes=(_image(sequence),))
        self.images.add(number)
        if given:
            graph.outputs = rewired(graph.outputs, {Ref(number): Ref(self._exit(number, name))})

    def _exit(self, number: int, name: str = "") -> int:
        from tf_keras.layers import Reshape

        if number not in self.exits:
            graph, (samples, _, *rest) = self.graph, self.graph.nodes[number].shapes[0]
            name = name or graph.free_name(f"{graph.nodes[number].layer}_sequence")
            layer = graph_layer(Reshape(tuple(rest), name=name))
            self.exits[number] = graph.insert_after(Ref(number), layer, [], (samples, *rest))
        return self.exits[number]


def _image(sequence: Shape) -> Shape:
    samples, *rest = sequence
    return (samples, 1, *rest)


def _as(layer: GraphLayer, kind: str, changes: Config | None = None, weights: Weights | None = None) -> GraphLayer:
    """A layer of another class and with some other settings; patterns know it by the class it had."""
    from tf_keras import layers

    config = {key: value for key, value in layer.config.items() if key != "batch_input_shape"} | (changes or {})
    cls = layer.cls if kind == layer.kind else getattr(layers, kind)
    made = graph_layer(cls.from_config(config), weights or layer.weights)
    return replace(made, was=layer.known_as)


def _convolution(layer: GraphLayer) -> GraphLayer:
    config = layer.config
    (size,), (stride,), (rate,) = config["kernel_size"], config["strides"], config["dilation_rate"]
    kernels = 2 if layer.kind == "SeparableConv1D" else 1
    weights = [weight[None] if place < kernels else weight for place, weight in enumerate(layer.weights)]
    changes = {
        "kernel_size": (1, size),
        "strides": (stride, stride),  # with one row there is no next; a depthwise convolution wants a square
        "dilation_rate": (1, rate),
        "padding": "valid" if config["padding"] == "causal" else config["padding"],
    }
    if layer.kind == "Conv1DTranspose":
        added = config["output_padding"]
        changes |= {"strides": (1, stride), "dilation_rate": (rate, rate), "output_padding": added and (0, *added)}
    return _as(layer, layer.kind.replace("1D", "2D"), changes, weights)


def _twin(layer: GraphLayer) -> GraphLayer | None:
    """The layer that does to images of one row what this one does to sequences; none if there is none known."""
    if layer.kind in _ELEMENTWISE or _is_plain(layer):
        return layer
    change = _CHANGES.get(layer.kind)
    if change is None or not _is_last(layer.config):
        return None
    return _as(layer, layer.kind.replace("1D", "2D"), change(layer.config))


def _is_plain(layer: GraphLayer) -> bool:
    """Whether it is an activation of Keras's own, or a dropout that knows no shape."""
    import tf_keras

    if layer.kind == "Activation":
        return isinstance(layer.config["activation"], str) and hasattr(tf_keras.activations, layer.config["activation"])
    return layer.kind == "Dropout" and layer.config["noise_shape"] is None


def _is_last(config: Config) -> bool:
    return bool(config.get("data_format", "channels_last") == "channels_last")


def _leaves(config: Config) -> bool:
    return _is_last(config) and not config.get("keepdims")


def _pooling(config: Config) -> Config:
    (size,), (stride,) = config["pool_size"], config["strides"]
    return {"pool_size": (1, size), "strides": (1, stride)}


def _axis(config: Config) -> Config:
    axis = config["axis"]
    if isinstance(axis, list | tuple):
        return {"axis": [one + 1 if one > 0 else one for one in axis]}
    return {"axis": axis + 1 if axis > 0 else axis}


_CHANGES: Mapping[str, Callable[[Config], Config]] = {
    "AveragePooling1D": _pooling,
    "BatchNormalization": _axis,
    "Concatenate": _axis,
    "Cropping1D": lambda config: {"cropping": ((0, 0), tuple(config["cropping"]))},
    "MaxPooling1D": _pooling,
    "SpatialDropout1D": lambda _: {},
    "SyncBatchNormalization": _axis,
    "UpSampling1D": lambda config: {"size": (1, config["size"])},
    "ZeroPadding1D": lambda config: {"padding": ((0, 0), tuple(config["padding"]))},
}
