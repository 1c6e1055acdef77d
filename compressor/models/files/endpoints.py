"""Compares what models take and give: names, shapes and types of their inputs and outputs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from compressor.base.types import Model
from compressor.models.litert.conversion.endpoint_names import input_names, output_names
from compressor.models.litert.reading.graph_contents import FileEndpoint, signatures_of


@dataclass(frozen=True)
class ModelEndpoint:
    """An input or output: the shape of a sample, None where it is not known, with None for open sizes; and its type."""

    name: str
    shape: tuple[int | None, ...] | None
    dtype: str


@dataclass(frozen=True)
class Endpoints:
    """The inputs and outputs of a model. `named` is false where a file has no signature, which alone names them."""

    inputs: tuple[ModelEndpoint, ...]
    outputs: tuple[ModelEndpoint, ...]
    named: bool = True


def endpoints_of(model: Model) -> Endpoints:
    """The endpoints of a tf_keras model, or of the bytes of a LiteRT file.

    Raises:
        ModelError: it is not a whole LiteRT file.
    """
    if isinstance(model, bytes):
        main = signatures_of(model)[0]
        return Endpoints(tuple(map(_of_file, main.inputs)), tuple(map(_of_file, main.outputs)), main.name is not None)
    return Endpoints(_of_keras(input_names(model), model.inputs), _of_keras(output_names(model), model.outputs))


def difference(before: Endpoints, after: Endpoints, may_change: Collection[str] = ()) -> str | None:
    """The first difference between the endpoints of a model before and after a step; None if there is none.

    A single input or output may have any name, since data and metrics find it without one. `may_change` lists what may
    differ: `names`, `shapes` or `types`.
    """
    by_name = before.named and after.named and "names" not in may_change
    for side in ("input", "output"):
        old, new = (before.inputs, after.inputs) if side == "input" else (before.outputs, after.outputs)
        if len(old) != len(new):
            return f"{len(new)} {_plural(side, len(new))} in place of {len(old)}"
        if by_name and len(old) > 1:
            named = {end.name: end for end in new}
            if lacking := [end.name for end in old if end.name not in named]:
                names = ", ".join(f"'{name}'" for name in named)
                return f"no {side} named '{lacking[0]}', but {names}"
            new = tuple(named[end.name] for end in old)
        elif len(old) > 1:
            continue  # nothing tells which is which
        for was, now in zip(old, new, strict=True):
            if "shapes" not in may_change and not _same_shape(was.shape, now.shape):
                return f"the {side} '{was.name}' of shape {_text(now.shape)} in place of {_text(was.shape)}"
            if "types" not in may_change and was.dtype != now.dtype:
                return f"the {side} '{was.name}' of type {now.dtype} in place of {was.dtype}"
    return None


def _plural(side: str, count: int) -> str:
    return side if count == 1 else f"{side}s"


def _of_keras(names: Sequence[str], tensors: Sequence[Any]) -> tuple[ModelEndpoint, ...]:
    return tuple(
        ModelEndpoint(name, None if tensor.shape.rank is None else tuple(tensor.shape)[1:], tensor.dtype.name)
        for name, tensor in zip(names, tensors, strict=True)
    )


def _of_file(end: FileEndpoint) -> ModelEndpoint:
    return ModelEndpoint(end.name, end.shape[1:] if end.shape else None, end.dtype)


def _same_shape(was: tuple[int | None, ...] | None, now: tuple[int | None, ...] | None) -> bool:
    if was is None or now is None:
        return True
    return len(was) == len(now) and all(None in pair or pair[0] == pair[1] for pair in zip(was, now, strict=True))


def _text(shape: tuple[int | None, ...] | None) -> str:
    sizes = ", ".join("any" if size is None else str(size) for size in shape or ())
    return f"({sizes}{',' if shape and len(shape) == 1 else ''})"
