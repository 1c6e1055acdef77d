"""Builds the model that `describe` has described, with Keras 3; runs only in the process of `subprocess_main`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from compressor.base.errors import ModelError
from compressor.models.keras3.layer_options import OUTWARD
from compressor.models.keras3.refusal import reason_of, refused_layer
from compressor.models.library_errors import LAYER_ERRORS

_REMEDY = "leave the model as it is, or ship it as .tflite"


def write_model(job: Path, path: Path) -> bool:
    """Write a job's model to `path`; False, with the reason in `error.json`, if Keras 3 has no such model."""
    import numpy as np

    graph = json.loads((job / "graph.json").read_text())
    with np.load(job / "weights.npz") as arrays:
        weights = [arrays[str(at)] for at in range(len(arrays.files))]
    try:
        _model(graph, weights).save(path)
    except ModelError as error:
        (job / "error.json").write_text(json.dumps({"what": error.what, "remedy": error.remedy}))
        return False
    return True


def _model(graph: dict[str, Any], weights: list[Any]) -> Any:
    import keras

    layers = {name: _layer(entry, weights) for name, entry in graph["layers"].items()}
    tensors: dict[str, Any] = {}
    for entry in graph["inputs"]:
        shape = entry["shape"]
        tensors[entry["key"]] = keras.Input(shape[1:], batch_size=shape[0], dtype=entry["dtype"], name=entry["name"])
    for call in graph["calls"]:
        args = [_argument(value, tensors) for value in call["args"]]
        kwargs = {key: _argument(value, tensors) for key, value in call["kwargs"].items()}
        try:
            outputs = layers[call["layer"]](*args, **kwargs)
        except LAYER_ERRORS as error:
            kind = type(layers[call["layer"]]).__name__
            raise refused_layer(
                call["layer"], kind, f"cannot be called in Keras 3 ({reason_of(error)})", _REMEDY
            ) from error
        tensors |= zip(call["outputs"], keras.tree.flatten(outputs), strict=True)
    _fill(graph["layers"], layers, weights)
    if graph["class"] == "Sequential":
        first = tensors[graph["inputs"][0]["key"]]
        model = keras.Sequential([first, *layers.values()], name=graph["name"])
    else:
        inputs, outputs = (_argument(graph[key], tensors) for key in ("input", "output"))
        model = keras.Model(inputs, outputs, name=graph["name"])
    if not graph["trainable"]:
        model.trainable = False
    return model


def _layer(entry: dict[str, Any], weights: list[Any]) -> Any:
    import keras

    if "model" in entry:
        return _model(entry["model"], weights)
    if "operation" in entry:
        return _operation(entry["operation"])
    kind, place = entry["class"], entry["place"]
    cls = getattr(keras.layers, kind)
    options, missing = OUTWARD.sort(cls, _config(kind, entry["config"]))
    for key, value in missing.items():
        raise refused_layer(place, kind, f"uses {key}={value!r}, which Keras 3 does not have", _REMEDY)
    try:
        if "inner" in entry:
            return cls(layer=_model(entry["inner"], weights), **options)
        return cls.from_config(options)
    except LAYER_ERRORS as error:
        raise refused_layer(place, kind, f"cannot be made in Keras 3 ({reason_of(error)})", _REMEDY) from error


def _fill(entries: dict[str, Any], layers: dict[str, Any], weights: list[Any]) -> None:
    for name, entry in entries.items():
        if entry.get("weights"):
            layer = layers[name]
            arrays = [weights[at] for at in entry["weights"]]
            layer.set_weights([array.astype(own.dtype) for array, own in zip(arrays, layer.weights, strict=True)])
            if type(layer).__name__ == "Normalization":
                layer.finalize_state()


def _operation(name: str) -> Any:
    import keras

    if name == "getitem":
        return lambda x, index: x[tuple(index) if isinstance(index, list) else index]
    return getattr(keras.ops, name)


def _config(kind: str, config: dict[str, Any]) -> dict[str, Any]:
    """A layer's options in the names of Keras 3, and those of the layers in it."""
    import keras

    options = dict(config)
    if kind == "BatchNormalization" and isinstance(options.get("axis"), list):
        (options["axis"],) = options["axis"]
    if kind == "Discretization" and options.get("bin_boundaries"):
        options.pop("num_bins", None)
    for key in ("layer", "backward_layer", "cell"):
        inner = options.get(key)
        if isinstance(inner, dict) and "class_name" in inner:
            options[key] = _held(inner)
    if "cells" in options:
        options["cells"] = [_held(cell) for cell in options["cells"]]
    if isinstance(options.get("dtype"), dict):
        options["dtype"] = options["dtype"]["config"]["name"]
    return {key: keras.tree.map_structure(lambda leaf: leaf, value) for key, value in options.items()}


def _held(inner: dict[str, Any]) -> dict[str, Any]:
    import keras

    cls = getattr(keras.layers, inner["class_name"])
    options, missing = OUTWARD.sort(cls, _config(inner["class_name"], inner["config"]))
    for key, value in missing.items():
        why = f"uses {key}={value!r}, which Keras 3 does not have"
        raise refused_layer(str(options.get("name")), inner["class_name"], why, _REMEDY)
    return {"class_name": inner["class_name"], "config": options, "module": "keras.layers", "registered_name": None}


def _argument(value: Any, tensors: dict[str, Any]) -> Any:
    if isinstance(value, list):
        return [_argument(item, tensors) for item in value]
    if not isinstance(value, dict):
        return value
    if "tensor" in value:
        return tensors[value["tensor"]]
    if "dict" in value:
        return {key: _argument(item, tensors) for key, item in value["dict"].items()}
    if "slice" in value:
        return slice(*(_argument(bound, tensors) for bound in value["slice"]))
    if "ellipsis" in value:
        return ...
    import numpy as np

    return np.array(value["array"], dtype=value["dtype"])
