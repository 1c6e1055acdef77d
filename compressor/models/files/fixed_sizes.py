"""Builds Keras models anew for inputs of other sizes, with the same layers and weights.

Steps and files need fixed sizes, and many models leave height, width or length open.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from compressor.base.errors import ModelError
from compressor.base.text import shortened
from compressor.models.files.keras_files import load_keras, save_keras
from compressor.models.litert.conversion.endpoint_names import input_names

Sizes: TypeAlias = tuple[int | None, ...]
_CONFIG = "model_config"  # the attribute of an HDF5 file that describes the model in it
_DEEPEST = 8  # models within models


def input_sizes(model: Any) -> dict[str, Sizes]:
    """The shape of a sample by the names of a tf_keras model's inputs, with None for a size that is open."""
    return dict(zip(input_names(model), (tuple(tensor.shape[1:]) for tensor in model.inputs), strict=True))


def chosen_sizes(
    given: Sequence[int] | Mapping[str, Sequence[int]], own: Mapping[str, Sizes], who: str, key: str
) -> dict[str, Sizes]:
    """The shapes of a sample by input that the user chose, where a model leaves sizes open.

    Args:
        given: a shape for a model with one input, or shapes by name. An input without open sizes may be left out.
        own: the shapes that the model has, with None for open sizes.
        who: the model, as the start of a message.
        key: where they were given.

    Raises:
        ModelError: they are not those of such a model.
    """
    if not isinstance(given, Mapping):
        if len(own) > 1:
            names = ", ".join(f"'{name}'" for name in own)
            raise ModelError(f"{who} has the inputs {names}, and {key} gives one shape", f"give {key} by these names")
        given = dict.fromkeys(own, given)
    for name, chosen in given.items():
        if name not in own:
            raise ModelError(f"{who} has no input '{name}', which {key} names", f"name one of {', '.join(own)}")
        if not _fits(chosen, own[name]):
            what = f"the input '{name}' of {who} takes {text_of(own[name])}, and {key} gives {text_of(chosen)}"
            raise ModelError(what, "change only sizes that are open ('any')" if None in own[name] else f"remove {key}")
    sizes: dict[str, Sizes] = {name: tuple(given.get(name, shape)) for name, shape in own.items()}
    for name, shape in sizes.items():
        if None in shape:
            what = f"{who} leaves a size of its input '{name}' open ({text_of(shape)}), and {key} does not give it"
            raise ModelError(what, f"add the shape of '{name}' to {key}")
    return sizes


def _fits(shape: Sequence[int], own: Sizes) -> bool:
    return len(shape) == len(own) and all(size in (None, chosen) for size, chosen in zip(own, shape, strict=True))


def leaves_open(sizes: Mapping[str, Sizes]) -> bool:
    """Whether any of the inputs leaves a size open."""
    return any(None in shape for shape in sizes.values())


def resized(
    model: Any, sizes: Mapping[str, Sizes], who: str, known: Mapping[str, Any] | None = None, trusted: bool = False
) -> Any:
    """A functional or sequential tf_keras model built for samples of these shapes, as if loaded from a file.

    Args:
        model: the model, which stays as it is.
        sizes: the shape of a sample by the names of its inputs.
        who: the model, as the start of a message.
        known: custom objects by name; None where the user has named none.
        trusted: code in the model, such as Lambda layers, may run.

    Raises:
        ModelError: it cannot be saved and loaded, or cannot be built for them.
    """
    layers = (tensor._keras_history.layer.name for tensor in model.inputs)
    shapes = {layer: sizes[name] for layer, name in zip(layers, input_names(model), strict=True)}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.h5"
        save_keras(model, path)
        original = _config(path)
        _write_config(path, _with_inputs(original, shapes))
        try:
            built = load_keras(path, known, trusted)
            for _ in range(_DEEPEST):
                inner = dict(_open_models_within(built))
                if not inner:
                    break
                _write_config(path, _with_inner_inputs(_config(path), inner))
                built = load_keras(path, known, trusted)
        except ModelError as error:
            _write_config(path, original)
            _refuse_unloadable(path, who, known, trusted)
            raise _unfit(who, sizes, error) from error
    return built


def text_of(shape: Sequence[int | None]) -> str:
    """A shape in words: `64 x 64 x 3`."""
    return " x ".join("any" if size is None else str(size) for size in shape)


def _config(path: Path) -> dict[str, Any]:
    import h5py

    with h5py.File(path, "r") as file:
        config: dict[str, Any] = json.loads(file.attrs[_CONFIG])
    return config


def _write_config(path: Path, config: Mapping[str, Any]) -> None:
    import h5py

    with h5py.File(path, "r+") as file:
        file.attrs[_CONFIG] = json.dumps(config).encode()


def _with_inputs(config: Mapping[str, Any], shapes: Mapping[str, Sizes]) -> dict[str, Any]:
    """A model's configuration with these shapes of a sample in its input layers, by the names of these."""
    inside = dict(config["config"])
    inside["layers"] = [_shaped(layer, shapes) for layer in inside["layers"]]
    if "build_input_shape" in inside and len(shapes) == 1:
        inside["build_input_shape"] = [None, *next(iter(shapes.values()))]
    return {**config, "config": inside}


def _shaped(layer: Mapping[str, Any], shapes: Mapping[str, Sizes]) -> Mapping[str, Any]:
    inside = layer["config"]
    if layer["class_name"] != "InputLayer" or inside["name"] not in shapes:
        return layer
    batch = inside["batch_input_shape"][:1]
    return {**layer, "config": {**inside, "batch_input_shape": [*batch, *shapes[inside["name"]]]}}


def _with_inner_inputs(config: Mapping[str, Any], inner: Mapping[str, Mapping[str, Sizes]]) -> dict[str, Any]:
    """A configuration with these shapes in the models within it: by the names of the models, then of their inputs."""
    layers = []
    for layer in config["config"]["layers"]:
        if "layers" in layer["config"]:
            layer = _with_inner_inputs(layer, inner)
            layer = _with_inputs(layer, inner.get(layer["config"]["name"], {}))
        layers.append(layer)
    return {**config, "config": {**config["config"], "layers": layers}}


def _open_models_within(model: Any) -> Iterator[tuple[str, Mapping[str, Sizes]]]:
    """The models within a model that leave sizes open and are called with one size alone: their names and shapes."""
    for layer in model.layers:
        if not getattr(layer, "_is_graph_network", False):
            continue
        nodes = [node for nodes in model._nodes_by_depth.values() for node in nodes if node.layer is layer]
        called = {tuple(tuple(tensor.shape[1:]) for tensor in node.keras_inputs) for node in nodes}
        own = tuple(tuple(tensor.shape[1:]) for tensor in layer.inputs)
        shapes = called.pop() if len(called) == 1 else own
        if own != shapes and not any(None in shape for shape in shapes):
            names = (tensor._keras_history.layer.name for tensor in layer.inputs)
            yield layer.name, dict(zip(names, shapes, strict=True))
        yield from _open_models_within(layer)


def _refuse_unloadable(path: Path, who: str, known: Mapping[str, Any] | None, trusted: bool) -> None:
    """Refuse a model that cannot be loaded at all, whatever its sizes."""
    try:
        load_keras(path, known, trusted)
    except ModelError as error:
        raise ModelError(error.what.replace(str(path), who), error.remedy) from error


def _unfit(who: str, sizes: Mapping[str, Sizes], error: ModelError) -> ModelError:
    shapes = ", ".join(text_of(shape) for shape in sizes.values())
    reason = shortened(" ".join(str(error.__cause__ or error).split()), 200)
    what = f"{who} cannot be built for inputs of {shapes} ({reason})"
    remedy = "choose sizes that its layers can halve and join again, such as multiples of 32, for the data too"
    return ModelError(what, remedy)
