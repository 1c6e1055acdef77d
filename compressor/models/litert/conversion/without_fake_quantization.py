"""Takes fake quantization out of a traced model: weights stay rounded as it rounds them, activations are left alone."""

from __future__ import annotations

from typing import Any


def without_fake_quantization(traced: Any) -> Any:
    """The traced function of a model without fake quantization.

    With 16-bit activations its ranges matter little, since those of calibration are as good, and the converter fails on
    many operators whose ranges come from training.
    """
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    frozen = convert_variables_to_constants_v2(traced, lower_control_flow=False)
    definition = frozen.graph.as_graph_def()
    given = _given(definition)
    for node in definition.node:
        node.attr.pop("_gradient_op_type", None)  # a graph with gradients of its own cannot be saved, nor be named
        if not node.op.startswith("FakeQuant"):
            continue
        if node.name in given:
            node.CopyFrom(_passing(node.name, node.input[0]))
        else:
            value = frozen.prune([], frozen.graph.get_tensor_by_name(f"{node.name}:0"))()
            node.CopyFrom(_constant(node.name, value.numpy()))
    ends = [[tensor.name for tensor in tensors] for tensors in (frozen.inputs, frozen.outputs)]
    imported = tf.compat.v1.wrap_function(lambda: tf.import_graph_def(definition, name=""), [])
    inputs, outputs = ([imported.graph.get_tensor_by_name(name) for name in names] for names in ends)
    pruned = imported.prune(inputs, dict(zip(sorted(traced.structured_outputs), outputs, strict=True)))
    return tf.function(pruned).get_concrete_function(*traced.structured_input_signature[0])


def _given(definition: Any) -> set[str]:
    """The nodes of a graph whose values depend on its inputs."""
    given: set[str] = set()
    for node in definition.node:  # each after those that it takes
        sources = {source.lstrip("^").split(":")[0] for source in node.input}
        if node.op == "Placeholder" or sources & given:
            given.add(node.name)
    return given


def _passing(name: str, source: str) -> Any:
    import tensorflow as tf

    node = tf.compat.v1.NodeDef(name=name, op="Identity", input=[source])
    node.attr["T"].type = tf.float32.as_datatype_enum
    return node


def _constant(name: str, value: Any) -> Any:
    import tensorflow as tf

    node = tf.compat.v1.NodeDef(name=name, op="Const")
    node.attr["dtype"].type = tf.float32.as_datatype_enum
    node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value))
    return node
