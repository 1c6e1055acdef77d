"""Shares the batches of a training among devices, by `tf.distribute`, so that it learns what one device would.

The devices are those of one machine, or of several, each of which makes all batches and takes its parts of them.

Each device gets a part of every batch, and the sums of their gradients are those of the whole batch: a part counts by
its samples, where Keras counts all parts alike, whatever their sizes. So a batch need not be divisible by the number of
devices.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compressor.base.errors import StepError
from compressor.models.files.devices import device_count, gpus, require_devices
from compressor.recipe.runtime_section import RuntimeSection
from compressor.training.joining import group_for, joined

_VALIDATION_BATCH = 512


def strategy_for(runtime: RuntimeSection) -> Any | None:
    """The `tf.distribute` strategy of a recipe's trainings; None where there is one device.

    Raises:
        CompressorError: there are fewer devices than the recipe asks for, or machines that this process has not joined.
    """
    if group := group_for(runtime):
        return group.strategy
    count = device_count(runtime)
    if count < 2:
        return None
    require_devices(runtime)
    import tensorflow as tf

    kind = "GPU" if gpus() else "CPU"
    devices = [device.name for device in tf.config.list_logical_devices(kind)]
    # added up on one device, in one order: collective operations of several tensors get mixed up between threads
    return tf.distribute.MirroredStrategy(devices[:count], tf.distribute.ReductionToOneDevice())


def refuse_unshareable(model: Any, strategy: Any) -> None:
    """Refuse a model whose training cannot be shared.

    Raises:
        StepError: its variables are on one device, or it has a train step of its own, which may count parts as wholes.
    """
    import tf_keras

    if model.distribute_strategy is not strategy:
        what = "the model was not made for several devices, as its strategy makes it outside of its 'apply'"
        raise StepError(what, "remove 'runtime.distribute', or report it to the strategy's author")
    if type(model).train_step is not tf_keras.Model.train_step:
        what = f"the model's class {type(model).__name__} has a train step of its own, which cannot be shared"
        raise StepError(what, "remove 'runtime.distribute'")


def shared(batches: Any, strategy: Any) -> Any:
    """Batches of a tf.data.Dataset in as many parts as there are devices; those of this machine get one each.

    A batch of fewer samples than devices is given to several of them; each has its part in the mean.
    """
    import tensorflow as tf

    count, here = strategy.num_replicas_in_sync, devices_here(strategy)

    def parts(*batch: Any) -> Any:
        size = tf.shape(tf.nest.flatten(batch)[0])[0]

        def part(index: Any) -> Any:
            start, end = size * index // count, size * (index + 1) // count
            indices = tf.range(start, tf.maximum(end, start + 1)) % size
            return tf.nest.map_structure(lambda tensor: tf.gather(tensor, indices), batch)

        numbers = tf.data.Dataset.range(here.start, here.stop, output_type=tf.int32)
        return numbers.map(tf.autograph.experimental.do_not_convert(part))

    split = batches.flat_map(tf.autograph.experimental.do_not_convert(parts))
    return strategy.distribute_datasets_from_function(lambda _: split)


def devices_here(strategy: Any) -> range:
    """The numbers of this machine's devices, among those of all."""
    count = strategy.num_replicas_in_sync
    resolver = strategy.cluster_resolver
    if resolver is None:  # of one machine
        return range(count)
    each = count // resolver.cluster_spec().num_tasks(resolver.task_type)
    return range(resolver.task_id * each, (resolver.task_id + 1) * each)


def validation_batch_size(samples: int, devices: int) -> int:
    """The largest size of a batch, 512 at most, that leaves no last batch of fewer samples than devices, if it can be.

    Samples of such a batch would count more than others.
    """
    sizes = range(_VALIDATION_BATCH, max(devices, _VALIDATION_BATCH // 2), -1)
    fits = (size for size in sizes if samples % size == 0 or samples % size >= devices)
    return next(fits, _VALIDATION_BATCH) if devices > 1 else _VALIDATION_BATCH


def share_of_device(inputs: Any) -> Any:
    """Within a train step, the share of a batch's samples that this device has got: 1 where there is one device."""
    import tensorflow as tf

    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return 1.0
    own = tf.cast(tf.shape(tf.nest.flatten(inputs)[0])[0], tf.float32)
    return own / context.all_reduce(tf.distribute.ReduceOp.SUM, own)


@contextmanager
def loss_by_share(model: Any, strategy: Any) -> Iterator[None]:
    """While the context lasts, each device's loss counts by its share of the batch."""
    compute, count = model.compute_loss, strategy.num_replicas_in_sync

    def by_share(x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None) -> Any:
        return compute(x, y, y_pred, sample_weight) * (count * share_of_device(x))  # Keras has divided by the count

    model.compute_loss = by_share
    try:
        yield
    finally:
        del model.compute_loss


def averaging(model: Any) -> Any:
    """The callback that gives all devices the same state after each epoch, before it is validated and saved.

    Each has moving statistics of its own parts of the batches, of which the mean is what Keras saves. An epoch that
    went on from others would end otherwise than one that goes on from the saved mean.
    """
    import tf_keras

    class Averaging(tf_keras.callbacks.Callback):  # type: ignore[misc]
        """Sets what is not trained to its mean over the devices."""

        def on_test_begin(self, logs: Any = None) -> None:
            for variable in model.non_trainable_variables:
                variable.assign(variable.read_value())
            _take_from_first(model.non_trainable_variables)

    return Averaging()


def score_of_first(score: float) -> float:
    """The score that worker 0 has, if there are several, so that all take the same decisions by it."""
    group = joined()
    return float(group.share(repr(score).encode())) if group is not None else score


def _take_from_first(variables: Sequence[Any]) -> None:
    """Give variables the values that they have on worker 0, if there are several.

    Some, such as the range of what a model has been given, are never added up, and each machine has its own.
    """
    group = joined()
    if group is None:
        return
    values = [variable.numpy() for variable in variables]
    stream = io.BytesIO()
    np.savez(stream, *values)
    with np.load(io.BytesIO(group.share(stream.getvalue()))) as told:
        first = [told[name] for name in told.files]
    for variable, value, own in zip(variables, first, values, strict=True):
        if value.tobytes() != own.tobytes():
            variable.assign(value)


def values_of(variable: Any) -> list[Any]:
    """The value on each device, of a variable that has several; else its one value."""
    return [each.numpy() for each in getattr(variable, "values", [variable])]


def values_everywhere(variable: Any, strategy: Any) -> NDArray[Any]:
    """The value on each device of all machines, as worker 0 gets them; the others get those of their own devices."""
    own = np.stack(values_of(variable))
    group = joined()
    if group is None or strategy is None:
        return own
    return np.concatenate(
        [own, *(np.frombuffer(content, own.dtype).reshape(own.shape) for content in group.gather(own.tobytes())[1:])]
    )


def values_here(values: NDArray[Any], strategy: Any) -> list[Any]:
    """Those of the values on all devices that belong to this machine."""
    here = devices_here(strategy) if strategy is not None else range(len(values))
    return list(values[here.start : here.stop])


def assign_values(variable: Any, values: list[Any]) -> None:
    """Give a variable the values on each device that `values_of` returned."""
    for each, value in zip(getattr(variable, "values", [variable]), values, strict=True):
        each.assign(value)
