"""Rewrites the operations that TensorFlow's converter would turn into other ones that compute something else.

Seen with TensorFlow 2.16 to 2.21; the pattern that is at fault is named at each rewrite.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

T = TypeVar("T")

_AVERAGING = {"AvgPool", "ResizeBilinear"}
_CUTTING_OFF = {"Maximum", "Relu", "Relu6"}  # operations that are or become a ReLU
_MOVING = {"ExpandDims", "Identity", "Reshape", "Squeeze", "Transpose"}  # operations that compute nothing


def rewritten(outputs: T, wide: bool = False) -> T:
    """The outputs, any structure of tensors, of the graph that is being traced, once faulty patterns are rewritten.

    `wide` is a graph whose activations are to have 16 bits.

    It is called at the end of a trace, since a graph cannot be changed later. Functions within it, such as the body of
    a loop, are left as they are.
    """
    import tensorflow as tf

    replaced = {}
    for operation in tf.compat.v1.get_default_graph().get_operations():
        if operation.type == "Sum":
            _spell_out_square(operation)
            if wide and (count := _terms(operation)):
                replaced[operation.outputs[0].ref()] = _averaged(operation, count)
        elif operation.type == "Relu" and _takes_loose_average(operation):
            replaced[operation.outputs[0].ref()] = _apart(operation)
        elif operation.type in _CUTTING_OFF:
            _keep_gelu_whole(operation)
        elif operation.type == "ConcatV2" and (source := _unstacked(operation)) is not None:
            replaced[operation.outputs[0].ref()] = _moved(source, operation)
    result: T = tf.nest.map_structure(lambda tensor: replaced.get(tensor.ref(), tensor), outputs)
    return result


def _spell_out_square(total: Any) -> None:
    """Have a sum add up `x * x` instead of `square(x)`, unless it is over the last axis alone, which stays.

    The converter's pattern L2NormalizePatterns takes `x * rsqrt(sum(square(x)))` for a normalization along the last
    axis if the axes are all, or the last is named first, and it does not look at `keepdims`.
    """
    import tensorflow as tf

    square, axes = total.inputs[0].op, tf.get_static_value(total.inputs[1])
    if square.type != "Square" or axes is None:
        return
    rank = total.inputs[0].shape.rank
    last = rank is not None and [int(axis) % rank for axis in axes.flatten()] == [rank - 1]
    if not last or not total.get_attr("keep_dims"):
        with tf.name_scope(f"{square.name}/"):
            total._update_input(0, tf.multiply(square.inputs[0], square.inputs[0]))


def _terms(total: Any) -> int:
    """How many terms a sum adds up; 0 where it is not known, or no sum of floats."""
    import tensorflow as tf

    shape, axes = total.inputs[0].shape, tf.get_static_value(total.inputs[1])
    if axes is None or not shape.is_fully_defined() or not total.inputs[0].dtype.is_floating:
        return 0
    return math.prod(shape[int(axis)] for axis in np.ravel(axes))


def _averaged(total: Any, count: int) -> Any:
    """The same values as a mean, times the number of terms.

    The converter gives a SUM of 16 bits the range of a single term, and what goes beyond it is cut off.
    """
    import tensorflow as tf

    with tf.name_scope(f"{total.name}/"):
        values, axes = total.inputs
        keeps = total.get_attr("keep_dims")
        return _in_place_of(total.outputs[0], lambda: tf.reduce_mean(values, axes, keepdims=keeps) * float(count))


def _takes_loose_average(relu: Any) -> bool:
    """Whether a ReLU takes an average of values that training did not quantize right before.

    The converter's pass PrepareQuantizePass then gives these values the range of the ReLU: negative ones are cut off
    before they are averaged.
    """
    source = _computing(relu.inputs[0])
    if source.type not in _AVERAGING or _is_quantized(source.inputs[0].op):
        return False
    return any(map(_is_quantized, relu.graph.get_operations()))


def _computing(tensor: Any) -> Any:
    """The operation that computed the values of a tensor, past those that only moved them."""
    source = tensor.op
    while source.type in _MOVING:
        source = source.inputs[0].op
    return source


def _is_quantized(operation: Any) -> bool:
    return bool(operation.type.startswith("FakeQuant"))


def _apart(relu: Any) -> Any:
    """The same values by an operator that has a range of its own."""
    import tensorflow as tf

    with tf.name_scope(f"{relu.name}/"):
        return _in_place_of(relu.outputs[0], lambda: tf.nn.leaky_relu(relu.inputs[0], 0.0))


def _keep_gelu_whole(relu: Any) -> None:
    """Part a ReLU from the GELU that it takes by an operation that has no operator in common with a product.

    The converter's pattern FuseBinaryOpToFollowingRelu joins the ReLU and the last product of the GELU. The rest of the
    GELU is then none that the converter knows, and LiteRT has no operator for its `Erfc`.
    """
    import tensorflow as tf

    for index, source in enumerate(relu.inputs):
        others = [tf.get_static_value(other) for other in relu.inputs if other is not source]
        if _is_gelu(_computing(source)) and all(other is not None and not other.any() for other in others):
            with tf.name_scope(f"{relu.name}/"):
                relu._update_input(index, tf.nn.leaky_relu(source, 0.0))


def _is_gelu(product: Any) -> bool:
    """Whether an operation is the last product of an exact GELU: `x / 2 * erfc(-x / 2**0.5)` or with `1 + erf(...)`."""
    factors = [factor.op for factor in product.inputs] if product.type == "Mul" else []
    terms = [term.op for factor in factors if factor.type.startswith("Add") for term in factor.inputs]
    return any(operation.type in {"Erf", "Erfc"} for operation in factors + terms)


def _unstacked(concat: Any) -> Any:
    """The `Unpack` whose outputs, all of them in order, a concatenation joins along another axis, if there is one.

    The converter's pattern FuseUnpackAndConcatToReshape makes a plain reshape of both, whatever the axes are.
    """
    *parts, axis = concat.inputs
    unpack = parts[0].op
    if unpack.type != "Unpack" or [part.ref() for part in parts] != [part.ref() for part in unpack.outputs]:
        return None
    return unpack if _axes(unpack, axis) is not None else None


def _axes(unpack: Any, concat_axis: Any) -> tuple[int, int] | None:
    """The axis that is unstacked and the one that is joined, if they differ and all sizes are known."""
    import tensorflow as tf

    shape, axis = unpack.inputs[0].shape, tf.get_static_value(concat_axis)
    if not shape.is_fully_defined() or axis is None:
        return None
    unstacked, joined = unpack.get_attr("axis") % shape.rank, int(axis) % (shape.rank - 1)
    return (unstacked, joined) if unstacked != joined else None


def _moved(unpack: Any, concat: Any) -> Any:
    """The same values by a transpose, which brings the unstacked axis before the joined one, and a reshape."""
    import tensorflow as tf

    axes = _axes(unpack, concat.inputs[-1])
    assert axes is not None
    unstacked, joined = axes
    source, old = unpack.inputs[0], concat.outputs[0]
    order = [axis for axis in range(source.shape.rank) if axis != unstacked]
    order.insert(joined, unstacked)
    with tf.name_scope(f"{concat.name}/"):
        return _in_place_of(old, lambda: tf.reshape(tf.transpose(source, order), old.shape))


def _in_place_of(old: Any, make: Callable[[], Any]) -> Any:
    """A new tensor, which all that takes the old one takes from now on."""
    consumers = old.consumers()
    new = make()
    for consumer in consumers:
        for index, tensor in enumerate(consumer.inputs):
            if tensor is old:
                consumer._update_input(index, new)
    return new
