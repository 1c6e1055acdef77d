"""The tasks of a command on a Ray cluster: begun, waited for, cancelled. Where and when each runs is Ray's choice."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final

from compressor.base.errors import CompressorError
from compressor.cluster.ray_connection import Cluster, Demand
from compressor.cluster.ray_errors import ClusterError
from compressor.storage.deadline import within

RETRIES: Final = 3  # how often Ray begins a task anew whose machine was lost
_PATIENCE: Final = 1.0  # seconds that tasks have to end by themselves when they are cancelled
_LONGEST: Final = 4.0  # seconds that cancelling them may last, where the client is stuck in what was interrupted
_ALONE: Final = 60.0  # seconds without a machine that could run anything, after which a command gives up
_LOOKS: Final = 5.0  # seconds between two looks at the machines, where nothing ends


@dataclass(frozen=True)
class Lost:
    """A task that came to no end, and why."""

    reason: str


class TaskSet:
    """The tasks that have been begun and are not over, by the numbers of their jobs."""

    def __init__(self, cluster: Cluster, retries: int = RETRIES) -> None:
        """Have Ray begin a task anew as often as that, if its machine is lost."""
        self._cluster, self._retries = cluster, retries
        self._running: dict[Any, int] = {}
        self._demands: dict[Any, Demand] = {}
        self._over: deque[Any] = deque()  # tasks that are known to be over, and are still among those that run
        self._looked = time.monotonic()
        self._alone_since: float | None = None

    def __len__(self) -> int:
        return len(self._running)

    def begin(self, number: int, demand: Demand, work: Callable[..., Any], *arguments: Any) -> None:
        """Begin a task, which waits until a machine has what it demands."""
        import ray

        name = f"{work.__name__} {number}"
        options = {"max_retries": self._retries, "name": name, **demand.options}
        with self.answering():
            task = ray.remote(work).options(**options).remote(*arguments)
        self._running[task], self._demands[task] = number, demand

    def wait(self, seconds: float) -> tuple[int, Any] | None:
        """The number and the result of the next task that is over, or `Lost`; None if none is within so many seconds.

        Raises:
            ClusterError: the machines cannot do the work, or are gone.
            RuntimeError: a task has met a bug of this tool.
        """
        import ray

        if not self._over:
            with self.answering():
                done, _ = ray.wait(list(self._running), num_returns=1, timeout=seconds)
                if done:  # of thousands of tasks, it takes long to look for one after the other
                    done, _ = ray.wait(list(self._running), num_returns=len(self._running), timeout=0)
            self._over.extend(done)
        if not self._over:
            self._refuse_empty_cluster()
            return None
        self._alone_since = None
        task = self._over.popleft()
        number = self._running.pop(task)
        del self._demands[task]
        with self.answering():
            return number, self._result(task)

    def cancel(self) -> list[int]:
        """End all tasks, and return their numbers; what they have made so far is left to the cache."""
        import ray

        tasks, numbers = list(self._running), list(self._running.values())
        self._running.clear()
        self._demands.clear()
        self._over.clear()

        def end() -> None:
            for task in tasks:
                ray.cancel(task, force=False)
            for task in ray.wait(tasks, num_returns=len(tasks), timeout=_PATIENCE)[1]:
                ray.cancel(task, force=True)

        if tasks:
            with suppress(Exception):  # of a cluster that is gone, and so is what ran there
                within(_LONGEST, end)
        return numbers

    @contextmanager
    def answering(self) -> Iterator[None]:
        """Have errors of the connection say that the cluster is gone."""
        try:
            yield
        except ConnectionError as error:
            raise _gone(self._cluster, error) from None
        except ImportError as error:  # of the process there that begins tasks for us
            raise _lacking(error) from None
        except (CompressorError, RuntimeError, OSError):
            raise
        except Exception as error:  # noqa: BLE001 - Ray's client raises those of gRPC as they come
            raise _gone(self._cluster, error) from None

    def _result(self, task: Any) -> Any:
        import ray

        errors = ray.exceptions
        try:
            return ray.get(task)
        except errors.RuntimeEnvSetupError as error:
            raise ClusterError(
                f"{self._cluster.name} cannot unpack our code: {_first(error)}", "see its logs"
            ) from None
        except errors.TaskCancelledError:
            return Lost("it was cancelled")
        except errors.OutOfMemoryError:
            return Lost("its machine ran out of memory; use a smaller batch_size, fewer workers, or --task-memory")
        except (errors.NodeDiedError, errors.WorkerCrashedError, errors.ObjectLostError):
            often = f", {self._retries + 1} times in a row" if self._retries else ""
            return Lost(f"the machine or the process that ran it was lost{often}")
        except errors.RayTaskError as error:
            if isinstance(error.cause, ImportError):
                raise _lacking(error.cause) from None
            raise RuntimeError(f"a task on the cluster failed:\n{error}") from None

    def _refuse_empty_cluster(self) -> None:
        """Give up where no machine has been able to run anything for long."""
        now = time.monotonic()
        if now - self._looked < _LOOKS:
            return
        self._looked = now
        with self.answering():
            has_room = any(demand.fits(node) for node in self._cluster.nodes for demand in set(self._demands.values()))
        if has_room:
            self._alone_since = None
        elif self._alone_since is None:
            self._alone_since = now
        elif now - self._alone_since > _ALONE:
            demand = next(iter(self._demands.values()))
            what = f"{self._cluster.name} has had no machine with {demand} for {_ALONE:.0f} seconds"
            raise ClusterError(what, "give the command again when it has; what is finished is kept")


def _gone(cluster: Cluster, error: Exception) -> ClusterError:
    what = f"{cluster.name} no longer answers ({_first(error)})"
    return ClusterError(what, "give the command again when it does; what is finished is kept")


def _lacking(error: ImportError) -> ClusterError:
    what = f"a machine of the cluster cannot run this: {error}"
    return ClusterError(what, "install there what compressor needs, in the same versions")


def _first(error: Exception) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
