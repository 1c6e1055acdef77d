"""Imports TensorFlow without its chatter, and makes its results repeatable.

Nothing else in the tool sets an environment variable.
"""

from __future__ import annotations

import gc
import os
import sys
import warnings

from compressor.base.errors import CompressorError
from compressor.base.machine import DEFAULT_THREADS, usable_cores

_THREADS_VARIABLE = "TF_NUM_INTRAOP_THREADS"


def prepare_tensorflow(seed: int, threads: int = DEFAULT_THREADS, processors: int = 1) -> None:
    """Import TensorFlow and tf_keras, make their operations deterministic, and seed Python, NumPy and TensorFlow.

    Process-wide settings that a plugin may have changed are reset. `threads` is the number of threads that an operation
    is split over, and `processors` that of logical devices that the processor is divided into; where TensorFlow has
    computed before in this process, both stay as they were.

    Raises:
        CompressorError: Python runs without docstrings.
    """
    refuse_without_docstrings()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    first = "tf_keras" not in sys.modules
    import tensorflow as tf
    import tf_keras

    if processors > 1:
        logical_processors(processors)  # before anything is computed, after which it is too late
    if first:
        gc.freeze()  # importing leaves 300,000 objects that are never garbage, and need no look at each collection
    tf.get_logger().setLevel("ERROR")
    warnings.filterwarnings("ignore", message=".*HDF5 file via `model.save.*")
    warnings.filterwarnings("ignore", message="Statistics for quantized inputs were expected.*")
    tf.config.experimental.enable_op_determinism()
    threads_in_use(threads)
    # lets layers draw from generators whose state can be saved, so that a training can be interrupted
    tf_keras.backend.experimental.enable_tf_random_generator()
    tf.config.run_functions_eagerly(False)
    tf_keras.backend.set_floatx("float32")
    tf_keras.backend.set_image_data_format("channels_last")
    tf_keras.mixed_precision.set_global_policy("float32")
    tf_keras.utils.set_random_seed(seed)


def refuse_without_docstrings() -> None:
    """Refuse to run without docstrings, since tf_keras changes those of its own while it is imported.

    Raises:
        CompressorError: Python runs without them.
    """
    if sys.flags.optimize > 1:
        what = "Python runs without docstrings (-OO or PYTHONOPTIMIZE=2), and tf_keras cannot be imported like that"
        raise CompressorError(what, "unset PYTHONOPTIMIZE, or set it to 1")


def threads_in_use(wanted: int) -> int:
    """The number of threads that TensorFlow splits an operation over in this process, which it is set to if possible.

    That is `wanted` unless TensorFlow has computed before, since then it keeps the number that it began with: the
    sums within an operation are split by it, so that another number may round differently.
    """
    tf = sys.modules.get("tensorflow")
    if tf is None:
        return wanted
    try:
        tf.config.threading.set_intra_op_parallelism_threads(wanted)
    except RuntimeError:
        return int(tf.config.threading.get_intra_op_parallelism_threads()) or _threads_by_default()
    return wanted


def logical_processors(wanted: int) -> int:
    """The number of logical devices of the processor in this process, which it is divided into if possible.

    That is `wanted` or more, unless TensorFlow has computed before, since then it keeps those that it began with.
    """
    tf = sys.modules.get("tensorflow")
    if tf is None:
        return wanted
    (processor, *_) = tf.config.list_physical_devices("CPU")
    present = len(tf.config.get_logical_device_configuration(processor) or [None])
    if present >= wanted:
        return present
    try:
        tf.config.set_logical_device_configuration(processor, [tf.config.LogicalDeviceConfiguration()] * wanted)
    except RuntimeError:  # it has computed
        return present
    return wanted


def _threads_by_default() -> int:
    """The threads that TensorFlow begins with if nobody sets a number: what its own variable says, or one a core."""
    try:
        chosen = int(os.environ.get(_THREADS_VARIABLE, ""))
    except ValueError:
        chosen = 0
    if chosen > 0:
        return chosen
    return usable_cores()
