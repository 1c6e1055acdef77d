"""Shares the batches of a training among several devices, by `tf.distribute`, so that it learns what one would.

Each device gets a part of every batch, and the sums of their gradients are those of the whole batch: a part counts by
its samples, where Keras counts all parts alike, whatever their sizes. So a batch need not be divisible by the number of
devices.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from compressor.base.errors import StepError
from compressor.models.files.devices import device_count, gpus, require_devices
from compressor.recipe.runtime_section import RuntimeSection

_VALIDATION_BATCH = 512


def strategy_for(runtime: RuntimeSection) -> Any | None:
    """The `tf.distribute` strategy of a recipe's trainings; None where there is one device.

    Raises:
        CompressorError: there are fewer devices than the recipe asks for.
    """
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
    """Batches of a tf.data.Dataset in as many parts as there are devices, each of which gets one.

    A batch of fewer samples than devices is given to several of them; each has its part in the mean.
    """
    import tensorflow as tf

    count = strategy.num_replicas_in_sync

    def parts(*batch: Any) -> Any:
        size = tf.shape(tf.nest.flatten(batch)[0])[0]

        def part(index: Any) -> Any:
            start, end = size * index // count, size * (index + 1) // count
            indices = tf.range(start, tf.maximum(end, start + 1)) % size
            return tf.nest.map_structure(lambda tensor: tf.gather(tensor, indices), batch)

        return tf.data.Dataset.range(count, output_type=tf.int32).map(tf.autograph.experimental.do_not_convert(part))

    split = batches.flat_map(tf.autograph.experimental.do_not_convert(parts))
    return strategy.distribute_datasets_from_function(lambda _: split)


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

    return Averaging()


def values_of(variable: Any) -> list[Any]:
    """The value on each device, of a variable that has several; else its one value."""
    return [each.numpy() for each in getattr(variable, "values", [variable])]


def assign_values(variable: Any, values: list[Any]) -> None:
    """Give a variable the values on each device that `values_of` returned."""
    for each, value in zip(getattr(variable, "values", [variable]), values, strict=True):
        each.assign(value)
