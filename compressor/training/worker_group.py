"""The machines that share the trainings of a run: how they come together, what they tell each other, how they end.

Worker 0 leads. It alone has a cache and a folder for results, and it tells the others what it takes from there, so that
nothing needs to be agreed on. The others take part in trainings, and get everything else from it.
"""

from __future__ import annotations

import ctypes
import json
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from compressor.base.errors import ExitCode, WorkerError
from compressor.base.worker_addresses import WorkerAddresses
from compressor.training.worker_messages import HEARTBEAT, Mailbox, losing_contact

_OVER: Final = "over"  # name of the text that says how the run ended, and by whom
_HERE: Final = "here"  # name of a text of worker 0 that is always there
_LOOKS = 2  # seconds between two looks at which workers are alive
_GRACE = (5, 20)  # seconds after the end of another worker: until this one is stopped, and until it is killed
_FAREWELL = 10  # seconds that worker 0 waits for the others to hear that the run is done
KEPT: Final = "give all machines the same command again, to go on from what the cache of worker 0 holds"


@dataclass(frozen=True)
class Over:
    """How a run ended: which worker says so, the exit code of all, and a message, which is empty if all went well."""

    by: int
    code: int
    message: str


class WorkerGroup:
    """This worker's view of all of them."""

    def __init__(self, addresses: WorkerAddresses, strategy: Any, context: Any, kill: Callable[[str], None]) -> None:
        """Begin to watch over the others, which have all come.

        Args:
            addresses: of all workers.
            strategy: the `tf.distribute` strategy of their trainings.
            context: of TensorFlow.
            kill: ends the process at once with a message, where it does not respond.
        """
        self.addresses = addresses
        self.strategy = strategy
        self.over: Over | None = None
        self._kill = kill
        self._box = Mailbox(context, self.check)
        if self.leads:
            self._box.put_first(_HERE, "here")
        self._told = 0
        self._left = threading.Event()
        self._noticed = threading.Event()  # that the run is over, by what this worker does
        self._main = threading.main_thread()
        self._watch = threading.Thread(target=self._watch_over, daemon=True)
        self._watch.start()

    @property
    def leads(self) -> bool:
        """Whether this is worker 0."""
        return self.addresses.leads

    @property
    def others(self) -> range:
        """The numbers of all workers but the first."""
        return range(1, self.addresses.count)

    def check(self) -> None:
        """Raise an error if the run is over.

        Raises:
            WorkerError: it is.
        """
        if self.over is not None:
            self._noticed.set()
            raise WorkerError(self.over.message or "the run is over", KEPT)

    def tell(self, content: bytes) -> None:
        """Tell all others something; goes on when all have heard it. Worker 0 calls this, the others `hear`."""
        self._told += 1
        self._box.put(f"told/{self._told}", content)
        for index in self.others:
            self._box.wait_for(f"heard/{self._told}/{index}")
            self._box.remove(f"heard/{self._told}/{index}")
        self._box.remove(f"told/{self._told}")

    def hear(self) -> bytes:
        """What worker 0 tells next."""
        self._told += 1
        content = self._box.wait_for(f"told/{self._told}")
        self._box.put(f"heard/{self._told}/{self.addresses.index}", b"")
        return content

    def share(self, content: bytes = b"") -> bytes:
        """What worker 0 has; what the others have does not matter."""
        if not self.leads:
            return self.hear()
        self.tell(content)
        return content

    def gather(self, content: bytes) -> list[bytes]:
        """What each worker has, in their order, for worker 0; nothing for the others."""
        self._told += 1
        if not self.leads:
            self._box.put(f"said/{self._told}/{self.addresses.index}", content)
            return []
        contents = [content]
        for index in self.others:
            contents.append(self._box.wait_for(f"said/{self._told}/{index}"))
            self._box.remove(f"said/{self._told}/{index}")
        return contents

    def end(self, code: int, message: str = "") -> None:
        """Say that the run is over, and why if it failed. The first who says so is believed."""
        self._say(Over(self.addresses.index, code, message))
        if not message and self.leads:  # the others need the service, which ends with this process, until they know
            until = time.monotonic() + _FAREWELL
            with losing_contact():
                for index in self.others:
                    self._box.text(f"left/{index}", max(0.01, until - time.monotonic()))
        self._leave(2 * _LOOKS if not message else 0.5)

    def wait_for_end(self, seconds: float = float("inf")) -> Over | None:
        """How the run ended, once somebody has said so; None if nobody does within some seconds."""
        until = time.monotonic() + seconds
        while self.over is None and time.monotonic() < until:
            time.sleep(0.1)
        if self.over is not None:
            self._noticed.set()
        return self.over

    def leave(self) -> None:
        """Let worker 0 know that this one has heard of the end."""
        self._leave()
        with losing_contact():
            if self._answers():
                self._box.put_first(f"left/{self.addresses.index}", "left")

    def explain(self, error: BaseException) -> BaseException:
        """The error that ended this worker's work: that another one is gone, if its sums failed because of that."""
        if _is_of_cluster(error) and not isinstance(error, KeyboardInterrupt):
            self.wait_for_end(HEARTBEAT + 3 * _LOOKS)
        if self.over is None or not self.over.message:
            return error
        self._noticed.set()
        return WorkerError(self.over.message, KEPT)

    def _leave(self, seconds: float = 2 * _LOOKS) -> None:
        self._noticed.set()
        self._left.set()
        self._watch.join(seconds)  # so that it does not ask for what ends with the process

    def _watch_over(self) -> None:
        """Look out for the end of the run, and for workers that are gone, until this one leaves.

        Worker 0 knows of all of them, and the others whether worker 0 answers. They do not ask it for more, since what
        waits for its answer without a limit keeps this thread from anything else.
        """
        answered = time.monotonic()
        while not self._left.is_set():
            gone: list[int] = []
            with losing_contact() as lost:
                text = self._box.text(_OVER, _LOOKS)
                if text is not None:
                    self._ended(Over(*json.loads(text)))
                    return
                if self.leads:
                    gone = self._box.silent(self.addresses.count)
                elif self._answers():
                    answered = time.monotonic()
            if lost:
                gone = _unhealthy(lost[0]) or [0]
            elif not self.leads and time.monotonic() - answered > HEARTBEAT:
                gone = [0]
            if not gone or self._left.is_set():
                continue
            over = Over(self.addresses.index, ExitCode.WORKER, self._no_longer_answer(gone))
            if not self.leads:
                self._ended(over)
                return
            self._say(over)  # which the next look finds

    def _answers(self) -> bool:
        """Whether worker 0 answers."""
        return self._box.text(_HERE, _LOOKS) is not None

    def _say(self, over: Over) -> None:
        with losing_contact():
            if self.leads or self._answers():
                self._box.put_first(_OVER, json.dumps([over.by, int(over.code), over.message]))

    def _no_longer_answer(self, silent: list[int]) -> str:
        names = " and ".join(map(self.addresses.name, silent))
        return f"{names} no longer {'answer' if len(silent) > 1 else 'answers'}"

    def _ended(self, over: Over) -> None:
        """End what this worker does, by and by with more force."""
        self.over = over
        if not over.message or self._left.is_set():
            return
        with losing_contact():
            self._box.abort(over.message)
        if not self._noticed.wait(_GRACE[0]):
            identity = ctypes.c_ulong(self._main.ident or 0)
            ctypes.pythonapi.PyThreadState_SetAsyncExc(identity, ctypes.py_object(_Stopped))
        if not self._noticed.wait(_GRACE[1]):
            self._kill(f"{over.message}; {KEPT}")


class _Stopped(BaseException):
    """Raised in the main thread, which computes something while the run is over."""


def _unhealthy(told: str) -> list[int]:
    """The workers of which the service has told this one that they are gone."""
    return sorted(set(map(int, re.findall(r"/task:(\d+)", told.partition("unhealthy")[2]))))


def _is_of_cluster(error: BaseException | None) -> bool:
    """Whether an error, or what caused it, is one of sums between machines."""
    import tensorflow as tf

    names = ("UnavailableError", "AbortedError", "CancelledError", "DeadlineExceededError", "InternalError")
    kinds = tuple(getattr(tf.errors, name) for name in names)
    while error is not None:
        if isinstance(error, kinds):
            return True
        error = error.__cause__ or error.__context__
    return False
