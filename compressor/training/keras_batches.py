"""Batches as a Keras model takes them: inputs in its order, labels and weights by its outputs' names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from compressor.base.named_arrays import in_order, is_named
from compressor.models.litert.conversion.endpoint_names import input_names, keras_keys, output_names


def by_keras_names(batches: Any, model: Any, loss: str | Mapping[str, str]) -> Any:
    """Batches of named arrays as Keras takes them: inputs in the model's order, labels and weights by Keras' names.

    Labels without a name are those of the only output that has a loss.
    """
    inputs = input_names(model)
    keys = dict(zip(output_names(model), keras_keys(model), strict=True))

    def by_key(values: Any) -> Any:
        named = {keys[name]: array for name, array in values.items() if name in keys}
        return named if len(keys) > 1 else next(iter(named.values()))

    only = next(iter(loss)) if not isinstance(loss, str) and len(loss) == 1 and len(keys) > 1 else None

    def placed(features: Any, labels: Any, *weights: Any) -> tuple[Any, ...]:
        if is_named(features):
            ordered = tuple(in_order(features, inputs or list(features)))
            features = ordered if len(ordered) > 1 else ordered[0]
        if only is not None and not is_named(labels):
            labels = {only: labels}
        return features, *(by_key(values) if is_named(values) else values for values in (labels, *weights))

    return batches.map(placed) if only or any(map(is_named, batches.element_spec)) else batches
