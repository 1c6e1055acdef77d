"""Lets sequences be images of one row where one-dimensional convolutions work on them, as LiteRT runs these anyway.

tfmot knows no Conv1D, and would leave it in float where plain post-training quantization would not.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from compressor.contracts.keras_layer_support import keras_layer
from compressor.contracts.layer_record import RowImage, RowOption
from compressor_plugins.graph.layer_graph import GraphLayer, LayerGraph, Ref, Shape, graph_layer, rewired
from compressor_plugins.graph.rewrites import Done, counted

Config: TypeAlias = dict[str, Any]


def convolutions_as_2d(graph: LayerGraph) -> Done:
    """Give each one-dimensional convolution images of one row, and what stands between two of them as well."""
    work = _Rows(graph)
    if any(work.starts(layer) for layer in graph.layers.values()):
        for number in graph.order():
            work.visit(number)
    count = len(work.changed)
    return Done(f"gave {counted(count, 'one-dimensional convolution')} images of one row", work.changed)


@dataclass
class _Rows:
    graph: LayerGraph
    changed: list[str] = field(default_factory=list)
    images: set[int] = field(default_factory=set)  # nodes that make images now
    entries: dict[Ref, int] = field(default_factory=dict)  # reshapes of sequences to images
    exits: dict[int, int] = field(default_factory=dict)  # reshapes back, by the node that makes an image

    def starts(self, layer: GraphLayer) -> bool:
        """Whether sequences are to be made images for this layer."""
        row = keras_layer(layer.kind).row_image
        return row is not None and row.place == "start"

    def visit(self, number: int) -> None:
        """Turn a node, whose sources were visited, or give it the sequences that it took before."""
        layer = self.graph.layer_of(number)
        row = keras_layer(layer.kind).row_image
        alone = len(self.graph.calls(layer.name)) == 1
        if row is None or not alone or not self._takes_images(number, layer, row):
            sources = self.graph.sources(number)
            back = {ref: Ref(self._exit(ref.node)) for ref in sources if ref.node in self.images}
            self.graph.redirect(back, [number])

    def _takes_images(self, number: int, layer: GraphLayer, row: RowImage) -> bool:
        """Put the layer for images in, and give it images; False, where there is none for it here."""
        sources = self.graph.sources(number)
        of_images = bool(sources) and all(ref.node in self.images for ref in sources)
        if self.starts(layer) and self._is_fixed(number):
            self._enter(number, layer)
            self._turn(number, _convolution(layer, row))
            self.changed.append(layer.name)
        elif of_images and row.place == "within" and _is_plain(layer):
            self._turn(number, _twin(layer, row))
        elif of_images and row.place == "end" and _leaves(layer.config):
            self.graph.replace_layer(layer.name, _twin(layer, row))
        else:
            return False
        return True

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
                layer_before = graph_layer(
                    Reshape((1, -1, *image[3:]), name=name)
                )  # of any length, as the model may be
                self.entries[source] = graph.insert_after(source, layer_before, [], image)
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
            layer = graph_layer(Reshape((-1, *rest[1:]), name=name))
            self.exits[number] = graph.insert_after(Ref(number), layer, [], (samples, *rest))
        return self.exits[number]


def _image(sequence: Shape) -> Shape:
    samples, *rest = sequence
    return (samples, 1, *rest)


def _twin(layer: GraphLayer, row: RowImage) -> GraphLayer:
    """The layer that does to images of one row what this one does to sequences; patterns know it by its class."""
    from tf_keras import layers

    if row == RowImage():
        return layer
    config = {key: value for key, value in layer.config.items() if key != "batch_input_shape"}
    config |= {key: _of_row(config[key], form) for key, form in row.options.items()}
    cls = getattr(layers, row.layer) if row.layer else layer.cls
    return replace(graph_layer(cls.from_config(config), layer.weights), was=layer.known_as)


def _convolution(layer: GraphLayer, row: RowImage) -> GraphLayer:
    kernels = len(keras_layer(layer.kind).kernels)
    weights = [weight[None] if place < kernels else weight for place, weight in enumerate(layer.weights)]
    padding = "valid" if layer.config["padding"] == "causal" else layer.config["padding"]
    return _twin(replace(layer, config=layer.config | {"padding": padding}, weights=weights), row)


def _of_row(value: Any, form: RowOption) -> Any:
    """An option in the form that it has for images of one row."""
    if value is None:
        return None
    if form == "((0, 0), x)":
        return (0, 0), tuple(value)
    if form == "axis + 1":
        if isinstance(value, list | tuple):
            return [_of_row(axis, form) for axis in value]
        return value + 1 if value > 0 else value
    (x,) = value if isinstance(value, list | tuple) else (value,)
    return {"(1, x)": (1, x), "(0, x)": (0, x), "(x, x)": (x, x)}[form]


def _is_plain(layer: GraphLayer) -> bool:
    """Whether no option of it tells images from sequences: an activation of the user's may, or a shape of noise."""
    import tf_keras

    function = layer.config.get("activation", "linear")
    known = isinstance(function, str) and hasattr(tf_keras.activations, function)
    return known and layer.config.get("noise_shape") is None and _is_last(layer.config)


def _is_last(config: Config) -> bool:
    return bool(config.get("data_format", "channels_last") == "channels_last")


def _leaves(config: Config) -> bool:
    return _is_last(config) and not config.get("keepdims")
