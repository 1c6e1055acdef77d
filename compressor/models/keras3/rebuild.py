"""Rebuilds a Keras 3 model by calling tf_keras layers in the order of its graph.

Since the layers are called, node numbers, shapes and masks, which the two write differently, need no translation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from compressor.base.errors import ModelError
from compressor.contracts.keras_layer_support import keras_layer
from compressor.models.keras3.layers import Made, is_of_keras, make_layer, rejected
from compressor.models.keras3.operation_builders import Call
from compressor.models.keras3.operations import OPERATIONS, apply_operation
from compressor.models.keras3.part_tree import Part
from compressor.models.keras3.refusal import joined, reason_of, refused_layer, refused_operation
from compressor.models.keras3.tf_layers import masked, unmasked
from compressor.models.library_errors import LAYER_ERRORS

_Key = tuple[str, int]  # the name of a layer, and the number of one of its calls


def rebuild(config: dict[str, Any], custom: Mapping[str, Any]) -> Part:
    """Build the tf_keras model, with its initial weights.

    Args:
        config: of the file's model.
        custom: tf_keras classes of the user's, by name.

    Raises:
        ModelError: the model is neither Functional nor Sequential, or holds something that Keras 2 lacks.
    """
    kind = str(config.get("class_name"))
    settings = config.get("config")
    is_graph = kind in ("Functional", "Model") and is_of_keras(config)
    if not isinstance(settings, dict) or "layers" not in settings or not (is_graph or _is_sequential(config)):
        what = (
            f"the model is of the class '{kind}', not Functional or Sequential, "
            "and its file does not say how it computes"
        )
        remedy = (
            "build it with the functional API, or export it from Keras 3 as .tflite or SavedModel, "
            "which post-training steps take"
        )
        raise ModelError(what, remedy)
    return _Rebuilding(custom).model(config, "")


def _is_sequential(entry: Mapping[str, Any]) -> bool:
    return entry.get("class_name") == "Sequential" and is_of_keras(entry)


def _is_model(entry: Mapping[str, Any]) -> bool:
    return entry.get("class_name") in ("Functional", "Model", "Sequential") and is_of_keras(entry)


class _Rebuilding:
    def __init__(self, custom: Mapping[str, Any]) -> None:
        self._custom = custom

    def model(self, entry: dict[str, Any], place: str) -> Part:
        make = self._sequential if _is_sequential(entry) else self._functional
        part = make(entry, place)
        if not entry["config"].get("trainable", True):  # True would thaw layers that are frozen by themselves
            part.layer.trainable = False
        return part

    def nested(self, entry: dict[str, Any], place: str) -> Part:
        """The layer or model that a wrapper holds."""
        inside = joined(place, str((entry.get("config") or {}).get("name")))
        if _is_model(entry):
            return self.model(entry, inside)
        made = make_layer(entry, inside, self._custom, self.nested)
        if made.activation is not None:
            raise refused_layer(inside, made.part.kind, "has, within a wrapper, an activation that Keras 2 lacks")
        return made.part

    def _made(self, entry: dict[str, Any], place: str) -> Made:
        if _is_model(entry):
            return Made(self.model(entry, place))
        return make_layer(entry, place, self._custom, self.nested)

    def _sequential(self, entry: dict[str, Any], place: str) -> Part:
        import tf_keras

        config = entry["config"]
        entries = list(config["layers"])
        if entries and entries[0]["class_name"] != "InputLayer":
            shape = config.get("build_input_shape")
            if not shape:
                remedy = "give it an Input layer, or call it once, and save it again"
                raise refused_layer(place or str(config["name"]), "Sequential", "was never built", remedy)
            entries.insert(0, {"class_name": "InputLayer", "config": {"batch_shape": shape, "name": "input"}})
        made = [(self._made(inner, where), where) for inner, where in self._within(entries[1:], place)]
        first = _input(entries[0], joined(place, str(entries[0]["config"]["name"])))
        parts = (Part("InputLayer", first.name, None), *(layer.part for layer, _ in made))
        if any(layer.activation for layer, _ in made):
            x = first
            for layer, where in made:
                x = _called(layer, where, [x], {})
            return Part("Sequential", config["name"], tf_keras.Model(first, x, name=config["name"]), parts)
        whole = tf_keras.Sequential([first], name=config["name"])
        for layer, where in made:
            try:
                whole.add(layer.part.layer)
            except LAYER_ERRORS as error:
                raise rejected(error, where, layer.part.kind) from error
        return Part("Sequential", config["name"], whole, parts)

    @staticmethod
    def _within(entries: list[dict[str, Any]], place: str) -> Iterator[tuple[dict[str, Any], str]]:
        for entry in entries:
            yield entry, joined(place, str(entry["config"]["name"]))

    def _functional(self, entry: dict[str, Any], place: str) -> Part:
        import tf_keras

        config = entry["config"]
        tensors: dict[_Key, Any] = {}
        parts: list[Part] = []
        waiting: list[tuple[_Key, dict[str, Any], Any]] = []
        for inner in config["layers"]:
            name = str(inner.get("name") or inner["config"]["name"])
            where = joined(place, name)
            if inner["class_name"] == "InputLayer":
                tensors[name, 0] = _input(inner, where)
                parts.append(Part("InputLayer", name, None))
                continue
            made = None if _is_operation(inner) else self._made(inner, where)
            if made is not None:
                parts.append(made.part)
            calls = [((name, at), node) for at, node in enumerate(inner.get("inbound_nodes", ()))]
            waiting += [(key, node, (inner, where, made)) for key, node in calls]
        while waiting:
            ready = [call for call in waiting if all(key in tensors for key in _needed(call[1]))]
            if not ready:
                raise ModelError(
                    f"the graph of '{place or config['name']}' never reaches '{waiting[0][0][0]}'", "save it again"
                )
            for key, node, (inner, where, made) in ready:
                args, kwargs = _filled(node["args"], tensors, where), _filled(node["kwargs"], tensors, where)
                if made is None:
                    tensors[key] = _operated(inner, key, where, args, kwargs)
                else:
                    tensors[key] = _called(made, where, args, kwargs, at=key[1])
            waiting = [call for call in waiting if call[0] not in tensors]
        inputs, outputs = (_ends(config[key], tensors) for key in ("input_layers", "output_layers"))
        return Part("Functional", config["name"], tf_keras.Model(inputs, outputs, name=config["name"]), tuple(parts))


def _is_operation(entry: Mapping[str, Any]) -> bool:
    """Whether an entry is a `keras.ops` operation, and no layer of the same name; HDF5 files do not tell its module."""
    module = entry.get("module")
    if module is not None:
        return str(module).startswith(("keras.src.ops", "keras.ops"))
    return entry["class_name"] in OPERATIONS and "trainable" not in entry["config"]


def _input(entry: Mapping[str, Any], place: str) -> Any:
    import tf_keras

    config = entry["config"]
    for key in ("sparse", "ragged", "optional"):
        if config.get(key):
            raise refused_layer(place, "InputLayer", f"uses {key}=True, which Keras 2 does not have")
    shape = config.get("batch_shape") or config.get("batch_input_shape")
    dtype = config.get("dtype") or "float32"
    dtype = dtype["config"]["name"] if isinstance(dtype, dict) else dtype
    return tf_keras.Input(shape=shape[1:], batch_size=shape[0], dtype=dtype, name=config["name"])


def _needed(node: Any) -> Iterator[_Key]:
    """The calls whose results a call takes."""
    if isinstance(node, list):
        for part in node:
            yield from _needed(part)
    elif isinstance(node, dict):
        if node.get("class_name") == "__keras_tensor__":
            name, at, _ = node["config"]["keras_history"]
            yield name, at
        else:
            for part in node.values():
                yield from _needed(part)


def _filled(value: Any, tensors: Mapping[_Key, Any], place: str) -> Any:
    """The arguments of a call, with tensors in place of their descriptions."""
    if isinstance(value, list):
        return [_filled(item, tensors, place) for item in value]
    if not isinstance(value, dict):
        return value
    kind, config = value.get("class_name"), value.get("config") or {}
    if kind is None:
        return {key: _filled(item, tensors, place) for key, item in value.items()}
    if kind == "__keras_tensor__":
        return _picked(config["keras_history"], tensors)
    if kind == "__slice__":
        return slice(*(_filled(config[key], tensors, place) for key in ("start", "stop", "step")))
    if kind == "__ellipsis__":
        return ...
    if kind in ("__tensor__", "__numpy__"):
        import numpy as np

        return np.array(config["value"], dtype=config["dtype"])
    raise ModelError(
        f"'{place}' is called with a '{kind}', which has no counterpart here", "build the model without it"
    )


def _picked(history: list[Any], tensors: Mapping[_Key, Any]) -> Any:
    import tensorflow as tf

    name, at, index = history
    return tf.nest.flatten(tensors[name, at])[index]


def _ends(spec: Any, tensors: Mapping[_Key, Any]) -> Any:
    """A model's inputs or outputs, in the structure that the file gives them."""
    if isinstance(spec, dict):
        return {key: _ends(part, tensors) for key, part in spec.items()}
    if len(spec) == 3 and isinstance(spec[0], str) and all(isinstance(at, int) for at in spec[1:]):
        return _picked(spec, tensors)
    return [_ends(part, tensors) for part in spec]


def _called(made: Made, place: str, args: list[Any], kwargs: dict[str, Any], at: int = 0) -> Any:
    layer, kind = made.part.layer, made.part.kind
    try:
        if keras_layer(kind).is_recurrent and kwargs.get("initial_state") is not None and kwargs.get("mask") is None:
            # where states are passed, Keras 3 looks for the mask under a name that these layers lack, and uses none
            args = [unmasked(args[0], f"{layer.name}_unmasked" + (f"_{at}" if at else "")), *args[1:]]
        outputs = layer(*args, **_without_implied(args, kwargs))
        if made.activation is None:
            return outputs
        return made.activation(outputs, f"{layer.name}_activation" + (f"_{at}" if at else ""))
    except LAYER_ERRORS as error:
        raise rejected(error, place, kind) from error


def _without_implied(args: list[Any], kwargs: dict[str, Any]) -> dict[str, Any]:
    """The keyword arguments of a call without masks and the training flag, which tf_keras passes on by itself.

    Keras 3 writes down the flag that a layer was once called with, but does not heed it when the model runs.
    """
    import tensorflow as tf

    implied = any(masked(tensor) for tensor in tf.nest.flatten(args))
    masks = {"mask", "query_mask", "value_mask", "key_mask"} if implied else set()
    return {key: value for key, value in kwargs.items() if value is not None and key not in masks | {"training"}}


def _operated(entry: Mapping[str, Any], key: _Key, place: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
    config, kind = entry["config"], str(entry["class_name"])
    name = key[0] + (f"_{key[1]}" if key[1] else "")
    settings = {option: value for option, value in config.items() if option not in ("name", "dtype")}
    for option, value in kwargs.items():
        if value is not None:
            raise refused_operation(place, kind, f"is given {option}=, which has no counterpart here")
    try:
        return apply_operation(Call(kind, name, place, args, settings))
    except LAYER_ERRORS as error:
        why = f"cannot be called in Keras 2 as in Keras 3 ({reason_of(error)})"
        raise refused_operation(place, kind, why) from error
