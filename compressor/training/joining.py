"""Brings the workers of a run together, once in the life of a process, before TensorFlow computes anything."""

from __future__ import annotations

import faulthandler
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from compressor.base.errors import CompressorError, WorkerError
from compressor.base.worker_addresses import WorkerAddresses
from compressor.models.files.tensorflow_setup import prepare_tensorflow
from compressor.recipe.runtime_section import RuntimeSection
from compressor.training.worker_group import WorkerGroup
from compressor.training.worker_messages import JOB, joined_context

WAIT_VARIABLE: Final = "COMPRESSOR_WORKER_WAIT"
_WAIT = 120  # seconds that workers may come apart
_MORE = 10  # seconds after that, in which TensorFlow should have said so itself
_joined: list[WorkerGroup] = []


def joined() -> WorkerGroup | None:
    """The workers that this process has joined, if it has."""
    return _joined[0] if _joined else None


def group_for(runtime: RuntimeSection) -> WorkerGroup | None:
    """The workers that share the trainings of a run; None where it trains on this machine alone.

    Raises:
        CompressorError: the recipe trains on several machines, which this process has not joined.
    """
    if runtime.distribute != "multi_worker":
        return None
    if not _joined:
        what = "'distribute: multi_worker' is for one run of one recipe by 'compressor apply', on each of its machines"
        raise CompressorError(what, "give that command, or write 'distribute: mirrored'")
    return _joined[0]


def wait_in_seconds() -> int:
    """The seconds that workers may come apart: what `COMPRESSOR_WORKER_WAIT` says, or the default.

    Raises:
        CompressorError: that is no number.
    """
    text = os.environ.get(WAIT_VARIABLE, "")
    if not text:
        return _WAIT
    if not text.isascii() or not text.isdigit() or not 0 < int(text) <= 86_400:
        what = f"the variable {WAIT_VARIABLE} is {text!r}, and should be a number of seconds"
        raise CompressorError(what, f"set it to 1 to 86400, or remove it for {_WAIT}")
    return int(text)


def join(addresses: WorkerAddresses, seed: int, threads: int, seconds: int, kill: Callable[[str], None]) -> WorkerGroup:
    """Wait for all workers, and join them.

    Args:
        addresses: of all workers.
        seed: of the run.
        threads: that an operation is split over.
        seconds: to wait for the others.
        kill: ends the process at once with a message, where it does not respond.

    Raises:
        WorkerError: not all came in time, or another program uses the address of this one.
        CompressorError: TensorFlow has computed before in this process.
    """
    _refuse_used(addresses)
    # TensorFlow writes what it retries, and what it loses when the others end; the tool says that itself
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    prepare_tensorflow(seed, threads)
    import tensorflow as tf

    if addresses.leads:
        _wait_for_others(addresses, seconds)
    context = joined_context(f"/job:{JOB}/replica:0/task:0", addresses.count, seconds)
    resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
        tf.train.ClusterSpec({JOB: list(addresses.addresses)}), task_type=JOB, task_id=addresses.index, rpc_layer="grpc"
    )
    try:
        with _ended_after(seconds + _MORE):
            strategy = tf.distribute.MultiWorkerMirroredStrategy(resolver)
    except tf.errors.OpError as error:
        raise _absent(addresses, seconds) from error
    except RuntimeError as error:
        what = "TensorFlow has computed in this process, which therefore cannot join others any more"
        raise CompressorError(what, "run it in a new process") from error
    _joined.append(WorkerGroup(addresses, strategy, context, kill))
    return _joined[0]


def _refuse_used(addresses: WorkerAddresses) -> None:
    """Refuse an address of this machine at which another program listens."""
    own = addresses.addresses[addresses.index]
    if _listens(own):
        what = f"another program uses the address of this machine, {own}"
        raise WorkerError(what, "end it, or give all machines another port in TF_CONFIG")


def _wait_for_others(addresses: WorkerAddresses, seconds: int) -> None:
    """Wait until all others listen, since TensorFlow's own waiting on worker 0 has no limit."""
    until = time.monotonic() + seconds
    for index in range(1, addresses.count):
        while not _listens(addresses.addresses[index]):
            if time.monotonic() > until:
                raise _absent(addresses, seconds)
            time.sleep(0.2)


@contextmanager
def _ended_after(seconds: int) -> Iterator[None]:
    """End the process if what is done takes longer; no signal and no thread could, while TensorFlow waits."""
    with Path(os.devnull).open("w") as nowhere:
        faulthandler.dump_traceback_later(seconds, exit=True, file=nowhere)
        try:
            yield
        finally:
            faulthandler.cancel_dump_traceback_later()


def _absent(addresses: WorkerAddresses, seconds: int) -> WorkerError:
    """The error of workers that did not come, by the addresses at which nobody listens."""
    others = [index for index in range(addresses.count) if index != addresses.index]
    absent = [index for index in others if not _listens(addresses.addresses[index])]
    named = " and ".join(map(addresses.name, absent or others))
    what = f"{named} did not come within {seconds} s"
    remedy = f"start the same command on all machines; {WAIT_VARIABLE} sets another number of seconds"
    return WorkerError(what, remedy)


def _listens(address: str) -> bool:
    """Whether something listens at an address."""
    host, _, port = address.rpartition(":")
    with suppress(OSError), socket.create_connection((host.strip("[]"), int(port)), 2):
        return True
    return False
