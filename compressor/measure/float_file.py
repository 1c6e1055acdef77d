"""Holds a file in float32 against the Keras model that it was made of, on real samples and on random ones.

Both compute in the same type, so their outputs may differ by rounding alone: by `TOLERANCE` of the largest output, or,
in a model that amplifies rounding, by a few times what a change in the last digit of every weight and input makes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compressor.base.errors import ModelError, StepError
from compressor.base.named_arrays import each, joined
from compressor.base.types import Arrays
from compressor.measure.keras_outputs import keras_outputs, keras_outputs_alone
from compressor.measure.parting_layer import mixing_layer, parting_layer
from compressor.measure.relative_gaps import relative_gaps
from compressor.measure.typical_samples import count_of, part_of
from compressor.models.keras3.verify import tolerance_for
from compressor.models.library_errors import LAYER_ERRORS
from compressor.models.litert.running.interpreter import LiteRTModel

TOLERANCE = 1e-4
"""The difference that is always taken, as a share of the largest value of the output."""
MOST = 0.05
"""A larger difference is never put down to rounding."""
_ROUNDINGS = 4
"""A difference of so many times what rounding was seen to make is put down to it."""
_DRAWS = 3
_INNER = 1e-3
"""The difference that is taken within the model, where values may cancel out."""

Outputs = Mapping[str, NDArray[Any]]


def refuse_other_outputs(content: bytes, model: Any, samples: Arrays, subject: str) -> tuple[str, ...]:
    """Compare the outputs of a float32 file with those of its Keras model, sample by sample and in a batch.

    Args:
        content: the file.
        model: the tf_keras model that it was made of.
        samples: inputs to compare the outputs for.
        subject: the model and who made it, as the start of a message.

    Returns:
        What a reader of the report should know: that the samples of a batch depend on one another, or that nothing can
        be compared.

    Raises:
        StepError: the outputs differ by more than rounding explains; the message names the layer where they part.
    """
    file = LiteRTModel(content)
    names = [end.name for end in file.outputs]
    expected, samples = _keras_alone(model, samples, names)
    actual = _each_alone(lambda sample: _by_name(file.run(sample), names), samples)
    limit, judged = max(TOLERANCE, tolerance_for(model)), np.full(count_of(samples), True)
    if (_worst(expected, actual) > limit).any():
        limit, judged = _with_rounding(model, samples, expected, limit)
    gaps = np.where(judged, _worst(expected, actual), 0)
    if (gaps > limit).any():
        worst = int(gaps.argmax())
        raise _parted(model, part_of(samples, slice(worst, worst + 1)), float(gaps[worst]), limit, subject)
    if not judged.any():
        return ("the file cannot be held against the Keras model, whose outputs rounding or random numbers decide",)
    return _remarks_on_batches(model, file, samples, expected, limit, judged)


def _parted(model: Any, sample: Arrays, gap: float, limit: float, subject: str) -> StepError:
    differ = f"differ by {_percent(gap)} of the largest, and rounding explains {_percent(limit)}"
    if not np.isfinite(gap):
        differ = "are not finite in the file"
    what = f"{subject}: the file computes something else than the Keras model; outputs {differ}"
    if layer := parting_layer(model, sample, max(limit, _INNER)):
        return StepError(f"{what}; they part at {layer}", "write that layer with other operations, or take it out")
    return StepError(what, "take layers out of the model, to find the one that the LiteRT converter gets wrong")


def _remarks_on_batches(
    model: Any, file: LiteRTModel, samples: Arrays, alone: Outputs, limit: float, judged: NDArray[np.bool_]
) -> tuple[str, ...]:
    """Whether outputs for samples in a batch are those for each alone, in the Keras model and in the file."""
    together = keras_outputs(model, samples, list(alone))
    if (_worst(alone, together)[judged] > limit).any():
        layer = mixing_layer(model, samples, max(limit, _INNER))
        at = f" at {layer}" if layer else ""
        return (
            f"the Keras model mixes the samples of a batch{at}, so that its outputs depend on the batch size; "
            "the file is measured with one sample a call",
        )
    try:
        in_file = _by_name(file.run(samples), list(alone))
    except ModelError:  # as an LSTM's; it is measured with one sample a call
        return ()
    if (
        any(in_file[name].shape != alone[name].shape for name in alone)
        or (_worst(alone, in_file)[judged] > limit).any()
    ):
        return ("the file is right with one sample a call, and computes something else with several",)
    return ()


def _with_rounding(model: Any, samples: Arrays, expected: Outputs, limit: float) -> tuple[float, NDArray[np.bool_]]:
    """The difference that rounding explains, and the samples that can be judged.

    A sample cannot be judged if rounding alone tips it, as it may where the model takes the index of the largest value.
    """
    draw = np.random.default_rng(0)
    moved = np.zeros(count_of(samples))
    for _ in range(_DRAWS):
        with _rounded_weights(model, draw):
            rounded = each(samples, lambda array: _rounded(array, draw))
            outputs = keras_outputs_alone(model, rounded, list(expected))
        moved = np.fmax(moved, _worst(expected, outputs))
    judged = moved <= MOST
    explained = _ROUNDINGS * moved[judged].max(initial=0)
    return max(limit, min(explained, MOST)), judged


@contextmanager
def _rounded_weights(model: Any, draw: np.random.Generator) -> Iterator[None]:
    """Move each weight by a step in its last digit, until the block ends."""
    weights = model.get_weights()
    model.set_weights([_rounded(weight, draw) for weight in weights])
    try:
        yield
    finally:
        model.set_weights(weights)


def _rounded(array: NDArray[Any], draw: np.random.Generator) -> NDArray[Any]:
    if array.dtype.kind != "f" or (array.size and (array == np.round(array)).all()):
        return array  # whole numbers, such as tokens, are exact
    steps = np.finfo(array.dtype).eps * draw.choice([-1.0, 1.0], array.shape)
    return np.asarray(array * (1 + steps), array.dtype)


def _keras_alone(model: Any, samples: Arrays, names: Sequence[str]) -> tuple[Outputs, Arrays]:
    """The Keras model's outputs for each sample alone, and the samples without those that a layer refuses.

    A random sample may be one that no data would have.
    """
    import tensorflow as tf

    kept: list[int] = []
    outputs, count = [], count_of(samples)
    for at in range(count):
        try:
            outputs.append(keras_outputs(model, part_of(samples, slice(at, at + 1)), names))
        except (*LAYER_ERRORS, tf.errors.OpError):
            if at == count - 1 and not kept:
                raise
        else:
            kept.append(at)
    return joined(outputs), part_of(samples, np.array(kept))


def _each_alone(run: Any, samples: Arrays) -> Outputs:
    outputs: Outputs = joined([run(part_of(samples, slice(at, at + 1))) for at in range(count_of(samples))])
    return outputs


def _by_name(outputs: Arrays, names: list[str]) -> Outputs:
    return outputs if isinstance(outputs, Mapping) else {names[0]: outputs}


def _worst(expected: Outputs, actual: Outputs) -> NDArray[np.float64]:
    """The largest difference of each sample in any of the outputs."""
    gaps = [relative_gaps(expected[name], actual[name]) for name in expected]
    return np.asarray(np.max(gaps, axis=0))


def _percent(share: float) -> str:
    return f"{share * 100:.2g} %" if share < 1 else f"{share * 100:,.0f} %"
