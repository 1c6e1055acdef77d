"""Lets Adam update all variables of a shape by one function, which is traced once.

Keras traces some 25 operations for each variable, which takes most of the time until a deep model trains.
"""

from __future__ import annotations

from functools import cache
from typing import Any


def with_shared_updates(optimizer: Any) -> Any:
    """A tf_keras Adam, changed in place; it computes the same numbers, to the bit.

    It stays an object of Keras' own class, so that a file that it is saved in names nothing of this tool.
    """
    import tensorflow as tf

    rates: list[Any] = []  # of the step that is being made or traced
    apply_gradients, update_step = optimizer._internal_apply_gradients, optimizer.update_step

    def apply_with_rate(grads_and_vars: Any) -> Any:
        rates.append(_corrected_rate(optimizer))
        try:
            return apply_gradients(grads_and_vars)
        finally:
            rates.pop()

    def update(gradient: Any, variable: Any) -> None:
        if isinstance(gradient, tf.IndexedSlices) or variable.dtype != tf.float32 or tf.distribute.has_strategy():
            update_step(gradient, variable)
            return
        index = optimizer._index_dict[optimizer._var_key(variable)]
        m, v = optimizer._momentums[index], optimizer._velocities[index]
        handles = [each.handle for each in (variable, m, v)]
        _update()(gradient, *handles, rates[-1], optimizer.beta_1, optimizer.beta_2, optimizer.epsilon)

    optimizer._internal_apply_gradients, optimizer.update_step = apply_with_rate, update
    return optimizer


def _corrected_rate(optimizer: Any) -> Any:
    """The learning rate of a step, with the correction for moments that begin at zero."""
    import tensorflow as tf

    step = tf.cast(optimizer.iterations + 1, tf.float32)
    power_1, power_2 = (tf.pow(beta, step) for beta in (optimizer.beta_1, optimizer.beta_2))
    return optimizer.learning_rate * tf.sqrt(1 - power_2) / (1 - power_1)


@cache
def _update() -> Any:
    """Algorithm 1 of Kingma and Ba, 2015 (arXiv 1412.6980), for one variable and its two moments.

    It takes the handles of variables, since a function that took the variables would end with them.
    """
    import tensorflow as tf

    @tf.function(autograph=False)  # type: ignore[untyped-decorator]
    def update(
        gradient: Any, variable: Any, m: Any, v: Any, rate: Any, beta_1: float, beta_2: float, epsilon: float
    ) -> None:
        def value(handle: Any) -> Any:
            return tf.raw_ops.ReadVariableOp(resource=handle, dtype=gradient.dtype)

        def add(handle: Any, change: Any) -> None:
            tf.raw_ops.AssignAddVariableOp(resource=handle, value=change)

        add(m, (gradient - value(m)) * (1 - beta_1))
        add(v, (tf.square(gradient) - value(v)) * (1 - beta_2))
        change = (value(m) * rate) / (tf.sqrt(value(v)) + epsilon)
        tf.raw_ops.AssignSubVariableOp(resource=variable, value=change)

    return update
