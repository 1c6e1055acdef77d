"""Looks at a model for what a recipe for it depends on: its layers, weights, inputs and outputs."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compressor.base.errors import ModelError
from compressor.base.path_or_function import Reference, is_there
from compressor.base.plugin_errors import fenced
from compressor.base.types import Format, Model
from compressor.contracts.keras_layer_support import KERAS_LAYERS
from compressor.contracts.layer_record import KerasLayer
from compressor.models.files.inputs_and_outputs import Ends, ends_of
from compressor.models.files.loading import build_model
from compressor.models.files.missing_file import refuse_missing
from compressor.models.files.model_checks import refuse_open_sizes, refuse_unusable
from compressor.models.files.tensorflow_setup import prepare_tensorflow
from compressor.models.litert.reading.contents import dissect
from compressor.planning.registry import Registry
from compressor.planning.source_text import reference


@dataclass(frozen=True)
class KnownModel:
    """A model as a recipe for it needs to know it.

    Attributes:
        source: as a recipe names it.
        format: of the model once it is read.
        comes_trained: false for a registered model that has to be trained first.
        quantized: whether it is a file with integer weights.
        layers: name and class of each layer; empty for a file.
        kernels: the number of weights in kernels.
        others: the number of all other weights, as far as the file has them.
        trainable: the number of weights in kernels that are not frozen.
        simulated: the share of the kernels' weights in layers that training can simulate in int8.
        unsimulated: the classes of the others that have kernels.
        largest: the number of weights in the largest kernel.
        kinds: the classes of layers that have kernels, those with the most weights first.
        ends: its inputs and outputs.
        bytes: of the file, 0 for a Keras model.
    """

    source: str
    format: Format
    comes_trained: bool
    quantized: bool
    layers: tuple[tuple[str, str], ...]
    kernels: int
    others: int
    trainable: int
    simulated: float
    ends: Ends
    unsimulated: tuple[str, ...] = ()
    largest: int = 0
    kinds: tuple[str, ...] = ()
    bytes: int = 0

    @property
    def weights(self) -> int:
        """The number of all weights."""
        return self.kernels + self.others


def look_at(source: str, registry: Registry, trusted: bool = False) -> KnownModel:
    """Build or load a model, and look at it. This runs the code of a function, and of a registered model.

    Args:
        source: what a recipe in the working directory would have for `model.source`.
        registry: the installed plugins.
        trusted: the user vouches for the file, so code in it may run.

    Raises:
        ModelError: there is no such model, or it cannot be compressed.
    """
    origin = origin_of(source, registry)
    prepare_tensorflow(seed=0)
    model, trained = (build_model(origin, trusted).model, True) if origin else _registered(registry, source)
    if isinstance(model, bytes):
        return _known_file(source, model)
    refuse_unusable(model, f"the model '{source}'", sizes_follow=True)
    return _known_keras(source, model, trained)


def origin_of(source: str, registry: Registry) -> Reference | None:
    """Where a model comes from, which need not be readable; None for a registered one.

    Raises:
        ModelError: there is no such file, or no registered model of that name.
    """
    origin = None if registry.is_qualified("model", source) else reference(source, Path.cwd(), {})
    if origin is None and registry.get("model", source) is None:
        raise ModelError(f"there is no model '{source}'", _hint(registry, source))
    if origin is not None and origin.kind == "path":
        refuse_missing(Path(source))
    return origin


def _hint(registry: Registry, source: str) -> str:
    if is_there(Path(source)):
        return f"write './{source}' for the file or folder"
    hint = registry.hint("model", source).removeprefix("; ")
    return f"{hint}{'' if hint.endswith('?') else '.'} A file has a suffix such as .keras"


def _registered(registry: Registry, name: str) -> tuple[Model, bool]:
    entry = registry.get("model", name)
    assert entry is not None
    with fenced(f"the model '{name}' ({entry.provider})", ModelError):
        return entry.cls(entry.cls.Params()).build(), bool(entry.cls.trained)


def _known_file(source: str, content: bytes) -> KnownModel:
    refuse_open_sizes(content, f"the model '{source}'")
    anatomy = dissect(content)
    kernels = sum(tensor.size for tensor in anatomy.kernels)
    return KnownModel(
        source=source,
        format="litert",
        comes_trained=True,
        quantized=any(tensor.bits < 16 for tensor in anatomy.kernels),
        layers=(),
        kernels=kernels,
        others=anatomy.parameters - kernels,
        trainable=0,
        simulated=0.0,
        ends=ends_of(content),
        bytes=len(content),
    )


def _known_keras(source: str, model: Any, trained: bool) -> KnownModel:
    kernels: dict[int, tuple[int, bool, str]] = {}  # by id: size, whether it is trained, class of its layer
    trainable = {id(weight) for weight in model.trainable_weights}
    for part in _parts(model):
        for weight in part.weights:
            if weight.shape.rank > 1:
                kernels[id(weight)] = (_size(weight), id(weight) in trainable, type(part).__name__)
    by_kind: Counter[str] = Counter()
    for size, _, kind in kernels.values():
        by_kind[kind] += size
    total = by_kind.total()
    others = sum(_size(weight) for weight in model.weights if weight.shape.rank <= 1)
    layers = tuple((layer.name, type(layer).__name__) for layer in model._flatten_layers(include_self=False))
    if any(kind == "BatchNormalization" for _, kind in layers):
        others //= 4  # of its four vectors the file has one, as the bias of the layer before
    return KnownModel(
        source=source,
        format="keras",
        comes_trained=trained,
        quantized=False,
        layers=layers,
        kernels=total,
        others=others,
        trainable=sum(size for size, trains, _ in kernels.values() if trains),
        simulated=sum(size for kind, size in by_kind.items() if _is_simulated(kind)) / (total or 1),
        unsimulated=tuple(kind for kind, _ in by_kind.most_common() if not _is_simulated(kind)),
        largest=max((size for size, _, _ in kernels.values()), default=0),
        kinds=tuple(kind for kind, _ in by_kind.most_common()),
        ends=ends_of(model),
    )


def _parts(layer: Any) -> list[Any]:
    """The layers of a model and of those nested in it; what is within another layer is a part of that."""
    import tf_keras

    return [part for inner in layer.layers for part in _parts(inner)] if isinstance(layer, tf_keras.Model) else [layer]


def _size(weight: Any) -> int:
    return int(weight.shape.num_elements())


def _is_simulated(kind: str) -> bool:
    """Whether quantization-aware training simulates the kernels of a layer class."""
    record = KERAS_LAYERS.get(kind, KerasLayer())
    as_another = record.row_image is not None or kind == "SeparableConv2D"  # which is split in two
    return bool(record.kernels) and (record.quantization.weights is not None or as_another)
