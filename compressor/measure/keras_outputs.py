"""The outputs of a Keras model by the names that its file has for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from weakref import WeakKeyDictionary, ref

from compressor.base.named_arrays import in_order, joined
from compressor.base.types import Arrays
from compressor.measure.score_rows import Outputs
from compressor.measure.typical_samples import count_of, part_of
from compressor.models.litert.conversion.endpoint_names import input_names, output_names

_functions: WeakKeyDictionary[Any, Callable[..., Any]] = WeakKeyDictionary()


def keras_outputs(model: Any, features: Arrays, names: Sequence[str] = ("output",)) -> Outputs:
    """The outputs of a Keras model for a batch; `names` serve where the model has none itself."""
    import tensorflow as tf

    if model not in _functions:
        _functions[model] = _traced(model)
    arrays = in_order(features, input_names(model))
    inputs = [tf.cast(array, tensor.dtype) for array, tensor in zip(arrays, model.inputs, strict=True)]
    outputs = _functions[model](*inputs)
    return dict(zip(output_names(model) or names, [output.numpy() for output in outputs], strict=True))


def _traced(model: Any) -> Callable[..., Any]:
    """A model's function of its inputs, traced once for batches of all sizes, which takes a deep model a second."""
    import tensorflow as tf

    specs = [tf.TensorSpec((None, *tensor.shape[1:]), tensor.dtype) for tensor in model.inputs]
    owner: Callable[[], Any] = ref(model)  # so that its function, which is kept, does not keep it

    @tf.function(input_signature=specs)  # type: ignore[untyped-decorator]
    def called(*inputs: Any) -> Any:
        return tf.nest.flatten(owner()(inputs[0] if len(inputs) == 1 else list(inputs), training=False))

    return called  # type: ignore[no-any-return]


def keras_outputs_alone(model: Any, features: Arrays, names: Sequence[str] = ("output",)) -> Outputs:
    """The outputs of a Keras model for each sample of a batch alone."""
    alone = [keras_outputs(model, part_of(features, slice(at, at + 1)), names) for at in range(count_of(features))]
    outputs: Outputs = joined(alone)
    return outputs
