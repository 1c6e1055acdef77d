"""Makes many optimizer steps in one call of TensorFlow, so that small models train at the speed of their operations.

Between two calls Keras spends about half a millisecond in Python, as much as a small model takes for a fifth of a step.
Keras' own `steps_per_execution` does the same with a fixed number of steps, and traces them twice.

A callback of a strategy joins in by any of these methods:

- `before_step()` and `after_step()` make TensorFlow operations that become part of every train step.
- `steps_until_call()` returns how many steps may be made until `on_train_batch_end` must be called.

A callback that Keras calls after batches and that has no `steps_until_call` is called after every step.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

_CALL_SECONDS = 0.2  # that a call may take: as long as an interrupt has to wait
_STEPS_PER_OPERATION = 0.2
"""Of a training; with more, a loop and a rewritten graph save more time than they take to be made."""


@contextmanager
def many_at_once(model: Any, callbacks: Sequence[Any], steps: int) -> Iterator[list[Any]]:
    """While the context lasts, `fit` of a compiled model makes many steps at once; yields the callbacks for it.

    The steps are the same, to the bit, as if they were made one by one.

    Args:
        model: a tf_keras model on one device.
        callbacks: of the strategy, some of which may have the methods that this module's docstring names.
        steps: that the training makes in all.
    """
    with _in_every_step(model, callbacks):
        if model.run_eagerly or any(map(_is_called_after_every_step, callbacks)):
            yield list(callbacks)
            return
        with ExitStack() as during:
            model.train_function = train_function = _TrainFunction(model, steps, during)
            try:
                yield [*callbacks, _pacing(callbacks, train_function)]
            finally:
                model.train_function = model.train_tf_function = None  # they hold the operations of the callbacks


def one_by_one(callbacks: Sequence[Any]) -> list[Any]:
    """The callbacks for a `fit` that makes one step after the other, as on several devices."""
    return [*_calling(callbacks), *callbacks]


class _TrainFunction:
    """Makes as many steps as the model's `steps_per_execution` says, whenever Keras calls it.

    A deep model takes seconds to have a loop made around its step, and to have its graph rewritten, so that a short
    training of one does without either. That depends on numbers of steps and operations alone, and on no time, so that
    trainings repeat.
    """

    def __init__(self, model: Any, steps: int, during: ExitStack) -> None:
        """Make steps with a compiled model.

        Args:
            model: to train.
            steps: that the training makes in all.
            during: ends with the training.
        """
        self._model, self._steps, self._during = model, steps, during
        self._call: Any = None
        self.loops = False

    def __call__(self, iterator: Any) -> Any:
        """Make the steps with the iterator's next batches, and return Keras' logs of the last one."""
        if self._call is None:
            self._call = self._made(iterator)
        return self._call(iterator)

    def _made(self, iterator: Any) -> Any:
        self._model.train_function = None
        single = self._model.make_train_function()
        self._model.train_function = self
        if not hasattr(single, "get_concrete_function"):  # a class of the user's may make another one
            return single
        step = single.get_concrete_function(iterator)  # makes the variables that are still missing
        enough = self._steps >= _STEPS_PER_OPERATION * len(step.graph.get_operations())
        if not enough:
            self._during.enter_context(_graphs_as_traced())
        self.loops = enough and _gives_tensors(step)
        return _loop(step, self._model.steps_per_execution) if self.loops else single


@contextmanager
def _graphs_as_traced() -> Iterator[None]:
    """Have TensorFlow run graphs without rewriting them first, which takes two seconds for a MobileNetV2."""
    import tensorflow as tf

    before = tf.config.optimizer.get_experimental_options()
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    try:
        yield
    finally:
        tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": False} | before)


def _gives_tensors(step: Any) -> bool:
    """Whether what a traced function returns can be passed on from one turn of a loop to the next."""
    import tensorflow as tf

    outputs = tf.nest.flatten(step.structured_outputs)
    return all(isinstance(output, tf.Tensor | tf.TensorSpec) and output.shape.rank is not None for output in outputs)


def _loop(step: Any, steps: Any) -> Any:
    """A function of an iterator that calls a traced function of it `steps` times, a variable, and returns the last."""
    import tensorflow as tf

    outputs = tf.nest.flatten(step.structured_outputs)

    @tf.function(autograph=False)  # type: ignore[untyped-decorator]
    def many(iterator: Any) -> Any:
        none = [tf.zeros([size or 0 for size in output.shape], output.dtype) for output in outputs]
        _, *last = tf.while_loop(
            lambda done, *_: done < steps,
            lambda done, *_: (done + 1, *tf.nest.flatten(step(iterator))),
            [tf.constant(0, steps.dtype), *none],
            shape_invariants=[tf.TensorShape([]), *(output.shape for output in outputs)],
            parallel_iterations=1,
        )
        return tf.nest.pack_sequence_as(step.structured_outputs, last)

    return many


def _pacing(callbacks: Sequence[Any], train_function: _TrainFunction) -> Any:
    """The callback that sets how many steps the next call makes, by the time that the last one took."""
    import tf_keras

    class Pacing(tf_keras.callbacks.Callback):  # type: ignore[misc]
        """Comes after the strategy's own callbacks."""

        _supports_tf_logs = True

        def __init__(self) -> None:
            super().__init__()
            self._calls, self._last, self._started = 0, -1, 0.0
            self._steps_in_time = 1

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self._last = -1
            self._set()  # at the end of an epoch Keras sets what it was before the last call

        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            self._started = time.perf_counter()

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            seconds, steps = time.perf_counter() - self._started, batch - self._last
            self._calls, self._last = self._calls + 1, batch
            if self._calls > 1 and train_function.loops:  # the first one is traced
                self._steps_in_time = max(1, int(_CALL_SECONDS * steps / seconds))
            self._set()

        def _set(self) -> None:
            self.model.steps_per_execution = min([self._steps_in_time, *map(_steps_until_call, callbacks)])

    return Pacing()


@contextmanager
def _in_every_step(model: Any, callbacks: Sequence[Any]) -> Iterator[None]:
    before, after = _operations(callbacks, "before_step"), _operations(callbacks, "after_step")
    if not before and not after:
        yield
        return
    own = vars(model).get("train_step")
    step = model.train_step

    def train_step(data: Any) -> Any:
        for operations in before:
            operations()
        logs = step(data)
        for operations in after:
            operations()
        return logs

    model.train_step = train_step
    try:
        yield
    finally:
        if own is None:
            del model.train_step
        else:
            model.train_step = own


def _calling(callbacks: Sequence[Any]) -> list[Any]:
    """A callback that makes the operations of others around every step; none if they have none."""
    import tensorflow as tf
    import tf_keras

    before, after = _operations(callbacks, "before_step"), _operations(callbacks, "after_step")
    if not before and not after:
        return []

    class Calling(tf_keras.callbacks.Callback):  # type: ignore[misc]
        """Comes before the others."""

        _supports_tf_logs = True

        @tf.function  # type: ignore[untyped-decorator]
        def _before(self) -> None:
            for operations in before:
                operations()

        @tf.function  # type: ignore[untyped-decorator]
        def _after(self) -> None:
            for operations in after:
                operations()

        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            self._before()

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self._after()

    return [Calling()]


def _operations(callbacks: Sequence[Any], name: str) -> list[Callable[[], None]]:
    return [getattr(callback, name) for callback in callbacks if hasattr(callback, name)]


def _is_called_after_every_step(callback: Any) -> bool:
    return callback._implements_train_batch_hooks() and not hasattr(callback, "steps_until_call")


def _steps_until_call(callback: Any) -> int:
    return int(callback.steps_until_call()) if hasattr(callback, "steps_until_call") else sys.maxsize
