"""How much a model's outputs change when the weights of one layer alone are stored in fewer bits."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from compressor import Arrays
from compressor.contracts.layer_sensitivity import LayerSensitivity, Rounding, WeightType
from compressor.data import arrays_in
from compressor.models.litert import Operator, outputs_for
from compressor_plugins.ptq.request import Algorithm, Request
from compressor_plugins.ptq.rounded_weights import Kernels, rounded, with_kernels
from compressor_plugins.ptq.weight_quantization import assigned
from compressor_plugins.ptq.weighted_operators import WeightedOperator
from compressor_plugins.shared.precision import BITS

Samples = Sequence[Arrays]


def sensitivities(
    content: bytes,
    operators: Sequence[WeightedOperator],
    types: Sequence[WeightType],
    rounding: Rounding,
    samples: Samples,
) -> list[LayerSensitivity]:
    """Store one layer after the other in each of the types, and compare the outputs on some samples.

    Args:
        content: a float file.
        operators: its operators with weights; those of one layer are changed together.
        types: to try.
        rounding: how weights are rounded.
        samples: of shape (1, ...), by name where the file has several inputs.
    """
    expected = _outputs(content, samples)
    kernels = {type_: _rounded(content, operators, type_, rounding) for type_ in types if type_ != "float32"}
    found = []
    for name, parts in _by_layer(operators).items():
        errors: dict[WeightType, float] = {"float32": 0.0} if "float32" in types else {}
        sizes: dict[WeightType, int] = {"float32": 4 * sum(part.size for part in parts)} if errors else {}
        for type_, by_operator in kernels.items():
            if all(part in by_operator for part in parts):
                changed = with_kernels(content, {part: by_operator[part] for part in parts})
                errors[type_] = _apart(_outputs(changed, samples), expected)
                sizes[type_] = sum(-(-part.size * BITS[type_] // 8) + 4 * _channels(part) for part in parts)
        if errors:
            weights = sum(part.size for part in parts)
            found.append(LayerSensitivity(name, parts[0].layer_kind, weights, sizes, errors))
    return found


def _by_layer(operators: Sequence[WeightedOperator]) -> dict[str, list[WeightedOperator]]:
    layers: dict[str, list[WeightedOperator]] = {}
    for operator in operators:
        layers.setdefault(operator.layer, []).append(operator)
    return layers


def _rounded(content: bytes, operators: Sequence[WeightedOperator], type_: WeightType, rounding: Rounding) -> Kernels:
    algorithm: Algorithm = "min_max" if type_ == "float16" else rounding
    return rounded(content, assigned(operators, Request(type_, "float32", algorithm)).storages, ())


def _outputs(content: bytes, samples: Samples) -> list[NDArray[np.float64]]:
    """Each output for all samples, one array after another."""
    return [array.astype(np.float64) for array in arrays_in(outputs_for(content, samples))]


def _apart(found: Sequence[NDArray[np.float64]], expected: Sequence[NDArray[np.float64]]) -> float:
    """The largest of the outputs' differences, each as a share of the output."""
    shares = [
        np.linalg.norm(one - other) / max(float(np.linalg.norm(other)), 1e-12)
        for one, other in zip(found, expected, strict=True)
    ]
    return float(max(shares))


def _channels(operator: WeightedOperator) -> int:
    return operator.shape[-1] if operator.kind is Operator.DEPTHWISE_CONV_2D else operator.shape[0]
