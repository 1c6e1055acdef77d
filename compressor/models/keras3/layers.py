"""Makes the tf_keras layer for a layer of a Keras 3 file."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from compressor.base.errors import ModelError
from compressor.contracts.keras_layer_support import keras_layer
from compressor.models.keras3.activations import COMPOSED, KERAS2_NAMES, LAYERS, SAME
from compressor.models.keras3.layer_options import INWARD
from compressor.models.keras3.part_tree import Part
from compressor.models.keras3.refusal import reason_of, refused_layer
from compressor.models.library_errors import LAYER_ERRORS

_KERAS = re.compile(r"keras(\..+)?")
_FLOATS = {"float16", "bfloat16", "float32", "float64", "mixed_float16", "mixed_bfloat16"}
_DTYPES = _FLOATS | {"int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "bool"}

Nested = Callable[[dict[str, Any], str], Part]
"""Builds the layer or model that a wrapper holds, from its entry in the file and the wrapper's place."""


@dataclass(frozen=True)
class Made:
    """A tf_keras layer, and, if Keras 2 has no such activation in a layer, what adds it behind the layer."""

    part: Part
    activation: Callable[[Any, str], Any] | None = None


def is_of_keras(entry: Mapping[str, Any]) -> bool:
    """Whether a layer's class is Keras's own. One without a module is, unless the user registered it."""
    module = entry.get("module")
    return not entry.get("registered_name") if module is None else bool(_KERAS.fullmatch(str(module)))


def make_layer(entry: dict[str, Any], place: str, custom: Mapping[str, Any], nested: Nested) -> Made:
    """Make the tf_keras layer for an entry of a file's list of layers.

    Args:
        entry: class, module and configuration.
        place: the names that lead to the layer.
        custom: tf_keras classes of the user's, by name.
        nested: builds what a wrapper holds.

    Raises:
        ModelError: Keras 2 has no such layer, or not all of its options.
    """
    import tf_keras

    kind, config = str(entry["class_name"]), dict(entry.get("config") or {})
    config["dtype"] = _dtype(config.get("dtype"), place, kind)
    if kind in custom or not is_of_keras(entry):
        return Made(Part(kind, str(config.get("name")), _custom(entry, config, place, custom)))
    if keras_layer(kind).bridge is None:
        raise refused_layer(place, kind, "has no counterpart in Keras 2")
    cls = getattr(tf_keras.layers, kind)
    options, missing = INWARD.sort(cls, config)
    for key, value in missing.items():
        raise refused_layer(place, kind, f"uses {key}={_shown(value)}, which Keras 2 does not have")
    held = {key: nested(options[key], place) for key in ("layer", "backward_layer", "cell") if options.get(key)}
    cells = [nested(cell, place) for cell in options.get("cells", ())]
    behind = _activation_layer(options, place, custom, nested) or _activation_behind(options, kind, place)
    try:
        plain = {key: _plain(value, key) for key, value in options.items() if key not in held}
        plain |= {key: part.layer for key, part in held.items()}
        if cells:
            plain["cells"] = [part.layer for part in cells]
        _adapt(kind, plain)
        layer = cls(**plain)
    except LAYER_ERRORS as error:
        raise refused_layer(place, kind, f"cannot be made in Keras 2 ({reason_of(error)})") from error
    wrapped = held.get("layer") if kind == "TimeDistributed" else None
    return Made(Part(kind, layer.name, layer, inner=wrapped), behind)


def _custom(entry: Mapping[str, Any], config: dict[str, Any], place: str, custom: Mapping[str, Any]) -> Any:
    kind = str(entry["class_name"])
    cls = custom.get(str(entry.get("registered_name"))) or custom.get(kind)
    if cls is None:
        remedy = (
            f"name a module with a tf_keras class '{kind}' of the same options and weights under "
            "'model.custom_objects', or export the model from Keras 3 as .tflite or SavedModel, which post-training "
            "steps take"
        )
        raise refused_layer(place, kind, "is a custom class that is not known here", remedy)
    try:
        return cls.from_config({key: _plain(value, key) for key, value in config.items()})
    except LAYER_ERRORS as error:
        remedy = "let its __init__ take what its get_config gives in Keras 3"
        raise refused_layer(place, kind, f"cannot be made by its custom class ({reason_of(error)})", remedy) from error


def _dtype(value: Any, place: str, kind: str) -> str | None:
    """The name of a dtype policy, which Keras 2 must have, too."""
    if isinstance(value, dict):
        name = (value.get("config") or {}).get("name")
        value = name if value.get("class_name") in ("DTypePolicy", "FloatDTypePolicy", "Policy") else value
    if value is None or (isinstance(value, str) and value in _DTYPES):
        return value
    named = value.get("class_name") if isinstance(value, dict) else value
    remedy = "save the float model instead, and quantize it here"
    raise refused_layer(place, kind, f"has the dtype policy '{named}', which Keras 2 does not have", remedy)


def _activation_layer(
    options: dict[str, Any], place: str, custom: Mapping[str, Any], nested: Nested
) -> Callable[[Any, str], Any] | None:
    """Make an activation that is a layer linear.

    Returns:
        What adds the layer behind then.
    """
    entry = options.get("activation")
    if not isinstance(entry, dict) or entry.get("class_name") not in LAYERS or "recurrent_activation" in options:
        return None
    options["activation"] = "linear"

    def behind(x: Any, name: str) -> Any:
        made = make_layer({**entry, "config": {**entry["config"], "name": name}}, place, custom, nested)
        return made.part.layer(x)

    return behind


def _activation_behind(options: dict[str, Any], kind: str, place: str) -> Callable[[Any, str], Any] | None:
    """Give activations their names in Keras 2; one that it lacks becomes linear.

    Returns:
        What adds the activation behind the layer then.
    """
    behind = None
    for key in ("activation", "recurrent_activation"):
        name = options.get(key)
        if name is None:
            continue
        if isinstance(name, dict):
            name = name.get("config") if name.get("class_name") == "function" else name.get("class_name")
        if name in SAME or name in KERAS2_NAMES:
            options[key] = KERAS2_NAMES.get(name, name)
        elif name in COMPOSED and key == "activation" and "recurrent_activation" not in options:
            options[key], behind = "linear", COMPOSED[name]
        else:
            raise refused_layer(place, kind, f"uses {key}='{name}', which Keras 2 does not have")
    return behind


def _plain(value: Any, key: str) -> Any:
    """An option without what only Keras 3 writes: modules, registered names, shared ids."""
    if isinstance(value, dict) and "class_name" in value:
        kind, settings = value["class_name"], dict(value.get("config") or {})
        if key.endswith("initializer"):  # which need not be complete, since the weights are in the file
            settings = {name: value for name, value in settings.items() if name not in ("input_axes", "output_axes")}
            kind = kind.removesuffix("Initializer")  # until 3.4, as OrthogonalInitializer
        return {"class_name": kind, "config": settings}
    return value


def _adapt(kind: str, options: dict[str, Any]) -> None:
    """Change options that have another meaning in Keras 2."""
    if kind == "Bidirectional":  # adds the prefixes itself
        for key, prefix in (("layer", "forward_"), ("backward_layer", "backward_")):
            if key in options:
                options[key]._name = options[key].name.removeprefix(prefix)
    if kind == "Discretization" and options.get("bin_boundaries") is not None:
        options.pop("num_bins", None)


def _shown(value: Any) -> str:
    if isinstance(value, dict) and "class_name" in value:
        return str(value["class_name"])
    return repr(value)


def rejected(error: Exception, place: str, kind: str) -> ModelError:
    """The error for a layer that Keras 2 has, but that cannot be called as the file calls it."""
    return refused_layer(place, kind, f"cannot be called in Keras 2 as in Keras 3 ({reason_of(error)})")
