"""Connects to a Ray cluster, or starts one on this machine for as long as a command runs."""

from __future__ import annotations

import os
import shlex
import signal
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from compressor.base.sizes import format_size
from compressor.base.text import counted
from compressor.cluster.ray_errors import ClusterError, refusal
from compressor.storage.deadline import within

VARIABLE: Final = "RAY_ADDRESS"
_SECONDS: Final = 5.0  # that the head of a cluster has to take a connection
_LEAVE: Final = 5.0  # seconds that taking leave may last
_OWN: Final = "local"  # Ray's word for a cluster that is started here
_STORE: Final = 256 * 2**20  # bytes of the object store of a cluster that we start; more goes to the disk


@dataclass(frozen=True)
class Demand:
    """CPUs, GPUs and memory that a task is declared to need; Ray begins it where so much is free.

    Attributes:
        cpus: processors.
        gpus: graphics processors; a share of one is possible.
        memory: bytes; 0 for what the first trial takes, or nothing declared.
    """

    cpus: float = 1
    gpus: float = 0
    memory: int = 0

    def __str__(self) -> str:
        parts = [counted(int(self.cpus), "CPU") if self.cpus == int(self.cpus) else f"{self.cpus:g} CPUs"]
        if self.gpus:
            parts.append(f"{self.gpus:g} GPU{'s' if self.gpus > 1 else ''}")
        if self.memory:
            parts.append(f"{format_size(self.memory)} of memory")
        return ", ".join(parts)

    @property
    def options(self) -> dict[str, Any]:
        """Ray's options for a task."""
        return {"num_cpus": self.cpus, "num_gpus": self.gpus, **({"memory": self.memory} if self.memory else {})}

    def fits(self, resources: Mapping[str, float]) -> int:
        """How many at once a machine with these resources has room for."""
        wanted = {"CPU": self.cpus, "GPU": self.gpus, "memory": self.memory}
        return int(min(resources.get(name, 0.0) // amount for name, amount in wanted.items() if amount))


@dataclass(frozen=True)
class Cluster:
    """A cluster that this process is connected to.

    Attributes:
        name: as the user knows it.
        is_own: whether it was started for this command, and has no other machine.
    """

    name: str
    is_own: bool

    @property
    def nodes(self) -> list[Mapping[str, float]]:
        """The resources of each machine that is up."""
        import ray

        return [node["Resources"] for node in ray.nodes() if node["Alive"]]

    def places(self, demand: Demand) -> int:
        """How many trials or runs fit on all machines at once.

        Raises:
            ClusterError: none does.
        """
        nodes = self.nodes
        places = sum(demand.fits(node) for node in nodes)
        if not places:
            most = max((node.get("CPU", 0.0) for node in nodes), default=0)
            gpus = max((node.get("GPU", 0.0) for node in nodes), default=0)
            what = f"no machine of {self.name} has {demand}; the largest has {most:g} CPUs and {gpus:g} GPUs"
            raise ClusterError(what, "ask for less by --task-cpus, --task-gpus or --task-memory")
        return places


@contextmanager
def connected(address: str, code: Path, logs: bool = True) -> Iterator[Cluster]:
    """Connect to a cluster for the block, and take leave of it, which ends what still runs there for us.

    Args:
        address: `ray://host:port`; or `ray` for the cluster that the environment variable `RAY_ADDRESS` names, and
            without it for one that is started here and ends with the block.
        code: a folder of Python packages, which tasks import from before anything that is installed.
        logs: whether what tasks print is printed here as well.

    Raises:
        ClusterError: no cluster answers, or it has other versions.
    """
    named = (os.environ.get(VARIABLE) or _OWN) if address == "ray" else address
    if named not in ("auto", _OWN):
        _refuse_silent(named)
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # a cluster that we start tells nobody of itself
    os.environ.setdefault("RAY_COLOR_PREFIX", "0")  # what tasks print goes to a file
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    import ray

    tasks = {"working_dir": str(code)}
    how: dict[str, Any] = {"runtime_env": tasks, "logging_level": "ERROR", "log_to_driver": logs}
    if named == _OWN:
        tasks["py_executable"] = shlex.quote(sys.executable)  # a shell starts it, and its path may have a blank
        how |= {"include_dashboard": False, "object_store_memory": _STORE}
    name = "this machine" if named == _OWN else f"the Ray cluster at {named}"
    try:
        try:
            ray.init(address=named, **how)
        except (ConnectionError, RuntimeError, ValueError, OSError) as error:
            raise refusal(error, name) from None
        for number, handler in handlers.items():  # Ray has put its own in the place of some
            signal.signal(number, handler)
        yield Cluster(name, named == _OWN)
    finally:
        with suppress(Exception):  # the cluster may be gone, or Ray's client in the middle of what was interrupted
            within(_LEAVE, ray.shutdown)


def _refuse_silent(address: str) -> None:
    """Refuse an address where nothing takes a connection, for which Ray would wait much longer."""
    parts = urlsplit(address if "://" in address else f"ray://{address}")
    try:
        place = (parts.hostname or "", parts.port or 10001)
        with socket.create_connection(place, timeout=_SECONDS):
            return
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        what = f"no Ray cluster answers at {address} ({reason})"
        remedy = "check the address and the port (ray://HOST:10001 for clients), and that the cluster is running"
        raise ClusterError(what, remedy) from None
