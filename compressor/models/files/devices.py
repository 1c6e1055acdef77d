"""The devices that trainings compute on: GPUs, logical devices of the processor, or those of several machines."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from compressor.base.errors import CompressorError
from compressor.base.machine import conditions
from compressor.base.text import counted
from compressor.base.worker_addresses import VARIABLE, worker_addresses
from compressor.models.files.tensorflow_setup import logical_processors
from compressor.recipe.runtime_section import RuntimeSection

# what drivers of GPUs leave: without any of them there is no need to import TensorFlow to find that there is no GPU
_TRACES = ("/dev/nvidiactl", "/dev/nvidia0", "/dev/dxg", "/dev/kfd", "/proc/driver/nvidia/gpus")
_UNKNOWN_WORKERS = f"the workers that {VARIABLE} names, which is not set here"
_FAST_BFLOAT16 = {"avx512_bf16", "amx_bf16", "bf16"}


def gpus() -> Sequence[str]:
    """The names of the GPUs that TensorFlow computes on in this process, such as `NVIDIA L4`, in its order.

    This is the one place where they are read.
    """
    if not any(Path(trace).exists() for trace in _TRACES):
        return []
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import tensorflow as tf

    found = tf.config.list_physical_devices("GPU")
    return [tf.config.experimental.get_device_details(gpu).get("device_name", "of unknown name") for gpu in found]


def computing_conditions(runtime: RuntimeSection | None = None) -> Mapping[str, str]:
    """What numbers are rounded by beside threads and versions: the processor, variables, GPUs, and for trainings more.

    Args:
        runtime: what trainings compute on, for what trainings make; None for what any other computation makes.
    """
    found, more = gpus(), {}
    if found:
        more["GPUs"] = _named(found)
    if runtime is not None and runtime.distribute is not None:
        more["training devices"] = devices_text(runtime)
    if runtime is not None and runtime.mixed_precision is not None:
        more["mixed precision"] = runtime.mixed_precision
    return {**conditions(), **more}


def device_count(runtime: RuntimeSection) -> int:
    """How many devices share a batch.

    Raises:
        CompressorError: there are GPUs, but not as many as the recipe asks for.
    """
    if runtime.distribute is None:
        return 1
    found = gpus()
    if runtime.distribute == "multi_worker":
        return _workers() * (len(found) or 1)
    if not found:
        return runtime.devices or 1
    if runtime.devices is not None and runtime.devices > len(found):
        what = f"the recipe trains on {runtime.devices} devices, and this machine has {_named(found)}"
        raise CompressorError(what, f"set 'runtime.devices' to {len(found)} or less")
    return runtime.devices or len(found)


def devices_text(runtime: RuntimeSection) -> str:
    """The devices that share a batch, for people and for keys: `2 GPUs: 2 x NVIDIA L4`."""
    if runtime.distribute == "multi_worker":
        each = _named(gpus()) if gpus() else "its processor"
        return f"{counted(_workers(), 'worker')}, each with {each}" if worker_addresses() else _UNKNOWN_WORKERS
    found, count = gpus(), device_count(runtime)
    return _named(found[:count]) if found else counted(count, "logical CPU device")


def runtime_text(runtime: RuntimeSection) -> str:
    """What trainings compute on, for people: `on 2 GPUs: 2 x NVIDIA L4, in bfloat16`; else an empty text."""
    devices = f"on {devices_text(runtime)}" if runtime.distribute is not None else ""
    return ", ".join(filter(None, [devices, f"in {runtime.mixed_precision}" if runtime.mixed_precision else ""]))


def processors_for(runtime: RuntimeSection) -> int:
    """The number of logical devices that trainings need the processor to be divided into: 1 where there are GPUs."""
    return 1 if gpus() or runtime.distribute == "multi_worker" else device_count(runtime)


def require_devices(runtime: RuntimeSection) -> None:
    """Divide the processor into the devices that trainings need, where there are no GPUs.

    Raises:
        CompressorError: TensorFlow has computed before in this process, which therefore has fewer.
    """
    wanted = processors_for(runtime)
    present = logical_processors(wanted)
    if present < wanted:
        what = (
            f"the recipe trains on {wanted} logical CPU devices, and TensorFlow already computes in this process, with "
            f"{present}"
        )
        raise CompressorError(what, "run it in a new process, or restart the notebook's kernel")


def runtime_warnings(runtime: RuntimeSection) -> list[str]:
    """What a run with such trainings should say: that it does less than asked, or is no faster."""
    found, warnings = gpus(), []
    if runtime.distribute == "multi_worker":
        pass  # machines that share nothing are refused
    elif runtime.distribute is not None and device_count(runtime) < 2:
        here = f"is {_named(found)}" if found else "is no GPU"
        warnings.append(
            f"'distribute: {runtime.distribute}' shares nothing, since there {here}: trainings are on one device; "
            "without a GPU, 'devices: 2' divides the processor, to try it out"
        )
    elif runtime.distribute is not None and not found:
        warnings.append(
            f"there is no GPU, so that trainings share the processor as {devices_text(runtime)}, which is no faster"
        )
    if runtime.mixed_precision and not found and not _FAST_BFLOAT16 & set(conditions()["instructions"].split()):
        warnings.append(
            "this processor has no instructions for bfloat16, so that 'mixed_precision' is no faster than float32 here"
        )
    return warnings


def _workers() -> int:
    """How many machines `TF_CONFIG` names; 1 where it is not set."""
    workers = worker_addresses()
    return workers.count if workers else 1


def _named(found: Sequence[str]) -> str:
    """`1 GPU: NVIDIA L4`, or `3 GPUs: 2 x NVIDIA L4, NVIDIA T4`."""
    names = [name if count == 1 else f"{count} x {name}" for name, count in Counter(found).items()]
    return f"{counted(len(found), 'GPU')}: {', '.join(names)}"
