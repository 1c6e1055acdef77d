"""Checks of a model's inputs: names and shapes, and the scale of pixels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compressor.base.errors import DataError
from compressor.base.named_arrays import Values, by_name, is_named
from compressor.base.text import counted
from compressor.data.prepared_splits import RunData
from compressor.data.preprocess import Rescale
from compressor.data.split import Split
from compressor.models.files.inputs_and_outputs import Ends, Shape

_NARROW = 0.1  # share of a range within which images hardly differ


def check_inputs(split: str, inputs: Values, wanted: Mapping[str, Shape]) -> None:
    """Compare names and shapes of a split's inputs with those that a model takes.

    Raises:
        DataError: they are others.
    """
    if not is_named(inputs) and len(wanted) > 1:
        what = f"the model has the inputs {name_list(wanted)}, and the data has one, without a name"
        raise DataError(what, "give a dict of arrays by these names")
    inputs = by_name(inputs, next(iter(wanted)))
    missing, unknown = sorted(wanted.keys() - inputs.keys()), sorted(inputs.keys() - wanted.keys())
    if missing or unknown:
        what = f"the model has the inputs {name_list(wanted)}, and the data has {name_list(inputs)}"
        raise DataError(what, "give both the same names")
    for name, shape in wanted.items():
        own = inputs[name].shape[1:]
        if not fits(own, shape):
            of = f" for '{name}'" if len(wanted) > 1 else ""
            what = f"the {split} data has samples of shape {own}{of}, and the model wants {shape_text(shape)}"
            raise DataError(what, _remedy(own, shape, name if len(wanted) > 1 else None))


def refuse_fractions(split: str, inputs: Values, whole: Mapping[str, str], data: RunData) -> None:
    """Refuse samples with fractions for inputs that take whole numbers, which would cut them off.

    Args:
        split: the name of the split.
        inputs: of some of its samples.
        whole: the type of each input that takes whole numbers, by name.
        data: where the samples come from.

    Raises:
        DataError: there are fractions.
    """
    inputs = by_name(inputs, next(iter(whole), ""))
    for name, type_ in whole.items():
        array = inputs.get(name)
        if array is not None and (fractions := array[array != np.round(array)]).size:
            what = f"the model takes whole numbers for '{name}' ({type_}), and the {split} data has {fractions[0]:g}"
            scaled = data.by_default and data.train.preprocessing
            raise DataError(what, _pixels_remedy(data) if scaled else "give whole numbers")


def shapes_of(split: Split) -> tuple[int, ...] | dict[str, tuple[int, ...]]:
    """The shape of a sample as the model gets it, or shapes by the names of inputs."""
    inputs, _ = split.read(range(1))
    return {name: array.shape[1:] for name, array in inputs.items()} if is_named(inputs) else inputs.shape[1:]


def _remedy(own: tuple[int, ...], wanted: Shape, only: str | None) -> str:
    """What to do about samples of another shape: the step of preprocessing that makes them fit, if there is one.

    Args:
        own: the shape that samples have.
        wanted: the one that the model takes.
        only: the name of the input, where the model has several.
    """

    def step(name: str, value: object, main: str) -> str:
        spelt = f"{{{main}: {value}, only: {only}}}" if only else value
        return f"add 'preprocess: [{{{name}: {spelt}}}]' under data"

    if fits((*own, 1), wanted):
        return step("expand", -1, "axis")
    if own and own[-1] == 1 and fits(own[:-1], wanted):
        return step("squeeze", -1, "axis")
    if len(own) == len(wanted) == 3 and own[2] == wanted[2] and None not in wanted[:2]:
        return step("resize", list(wanted[:2]), "size")
    if len(own) == len(wanted) == 3 and {own[2], wanted[2]} == {1, 3}:
        color = "rgb" if wanted[2] == 3 else "grayscale"
        advice = f"make them {color} (an image folder: 'with: {{color: {color}}}' under data)"
        return f"{advice}, or give the model {counted(own[2], 'channel')}"
    if len(wanted) == 3 and wanted[2] == 3 and fits((*own, 3), wanted):
        return (
            "they have no channels: repeat each pixel where the data is made, as numpy.stack([x, x, x], axis=-1) does"
        )
    if len(own) == len(wanted) == 2 and own == tuple(reversed(wanted)):
        return "swap the two axes where the data is made"
    if len(own) == len(wanted) == 1:
        return "choose as many columns as the model has inputs, or build the model for the data"
    return "bring the data to that shape, or build the model for this one"


def scale_warnings(inputs: Values, ends: Ends, data: RunData) -> list[str]:
    """Warn of pixels that nothing scales, or that data and model both scale: the most frequent mistake.

    These are no errors, since nothing in a model tells for sure.

    Args:
        inputs: of some training samples.
        ends: those of the model, and what it does with their scale itself.
        data: where they come from.
    """
    warnings, scaling = [], ends.scaling
    for name, array in by_name(inputs, "").items():
        if array.ndim < 3 or not array.size or (name or next(iter(ends.inputs))) in ends.whole:
            continue
        warnings += _narrow_warning(name, array, data)
        of, low, high = f" of '{name}'" if name else "", array.min(), array.max()
        if scaling in ("none", "untold") and low >= 0 and 100 < high <= 255 and np.array_equal(array, np.round(array)):
            silent = "does not rescale" if scaling == "none" else "does not tell whether it rescales"
            warnings.append(
                f"the inputs{of} are whole numbers from {low:g} to {high:g}, like pixels, and the model "
                f"{silent} them; most models are trained for 0..1: "
                "add 'preprocess: [{rescale: 0.00392156862745098}]' under data"
            )
        if scaling == "of pixels" and -1 <= low < high <= 1:
            warnings.append(
                f"the inputs{of} go from {low:g} to {high:g}, and the model divides pixels of 0 to 255 by itself; "
                f"{_pixels_remedy(data)}"
            )
    return warnings


def constant_warnings(inputs: Values, size: int) -> list[str]:
    """Tell of inputs that never change, which a model learns nothing from, and whose range calibration cannot see.

    Args:
        inputs: of the first training samples.
        size: training samples in all.
    """
    warnings = []
    for name, array in by_name(inputs, "").items():
        if len(array) > 1 and array.size and array.min() == array.max():
            which = f"the input '{name}' is" if name else "all inputs are"
            of = f"all {size:,}" if len(array) == size else f"the first {len(array):,}"
            warnings.append(
                f"{which} {array.flat[0]:g} in {of} training samples; a model learns nothing from that, "
                "and calibration sees no range"
            )
    return warnings


def _narrow_warning(name: str, array: NDArray[Any], data: RunData) -> list[str]:
    """Tell of images of 16 bits that use little of their range, and so hardly differ once they are scaled to 0..1."""
    stored = by_name(data.train.samples.read(range(min(len(array), data.train.size)))[0], "").get(name)
    if stored is None or stored.dtype != np.uint16:
        return []
    low, high = int(stored.min()), int(stored.max())
    span = float(array.max() - array.min())
    if low == high or high - low > _NARROW * 65_535 or not 0 < span <= _NARROW:
        return []
    of = f" of '{name}'" if name else ""
    step = f"{{normalize: {{mean: adapt, only: {name}}}}}" if name else "{normalize: adapt}"
    return [
        f"the inputs{of} go from {low:,} to {high:,} of 65,535, so that images hardly differ once scaled to 0..1: "
        f"add 'preprocess: [{step}]' under data"
    ]


def _pixels_remedy(data: RunData) -> str:
    """What to change so that the model gets pixels from 0 to 255."""
    if data.by_default and data.train.preprocessing:
        return "add 'preprocess: []' under data, which leaves bytes as they are"
    if any(isinstance(step, Rescale) for step in data.train.preprocessing):
        return "add '{rescale: 255}' at the end of 'preprocess' under data, or take out what divides them"
    return "add 'preprocess: [{rescale: 255}]' under data"


def fits(own: Sequence[int], wanted: Shape) -> bool:
    """Whether a shape is the one that is wanted, whose sizes may vary where they are None."""
    return len(own) == len(wanted) and all(size in (None, known) for known, size in zip(own, wanted, strict=True))


def name_list(names: Iterable[str]) -> str:
    """Names in quotes, sorted."""
    return ", ".join(f"'{name}'" for name in sorted(names))


def shape_text(shape: Shape) -> str:
    """A shape as Python writes it, with `any` for a size that may vary."""
    return f"({', '.join('any' if size is None else str(size) for size in shape)}{',' if len(shape) == 1 else ''})"
