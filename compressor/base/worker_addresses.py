"""The machines that share a training, as TensorFlow's variable `TF_CONFIG` names them."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from compressor.base.errors import CompressorError

VARIABLE = "TF_CONFIG"
EXAMPLE = '{"cluster": {"worker": ["10.0.0.1:2222", "10.0.0.2:2222"]}, "task": {"type": "worker", "index": 0}}'
_ADDRESS = re.compile(r"[^\s/]+:\d{1,5}")
_JOBS = ("chief", "worker")  # in this order; the first of all is the one that leads


@dataclass(frozen=True)
class WorkerAddresses:
    """The addresses of all workers, and the number of this one. Worker 0 leads.

    TensorFlow's chief, where there is one, is worker 0, and the workers are counted from 1 then.
    """

    addresses: tuple[str, ...]
    index: int

    @property
    def count(self) -> int:
        """How many workers there are."""
        return len(self.addresses)

    @property
    def leads(self) -> bool:
        """Whether this one is worker 0."""
        return self.index == 0

    def name(self, index: int) -> str:
        """A worker for people: `worker 1 (10.0.0.2:2222)`."""
        return f"worker {index} ({self.addresses[index]})"


def worker_addresses() -> WorkerAddresses | None:
    """The workers that `TF_CONFIG` names; None where it is not set.

    Raises:
        CompressorError: it is malformed, or names fewer than two workers.
    """
    text = os.environ.get(VARIABLE, "").strip()
    if not text:
        return None
    try:
        config = json.loads(text)
    except ValueError as error:
        raise _wrong(f"is no JSON ({error})") from None
    cluster, task = (config.get(key) if isinstance(config, dict) else None for key in ("cluster", "task"))
    if not isinstance(cluster, dict) or not isinstance(task, dict):
        raise _wrong("has no 'cluster' and 'task'")
    addresses = _addresses(cluster)
    return WorkerAddresses(tuple(addresses), _index(cluster, task, len(addresses)))


def required_addresses() -> WorkerAddresses:
    """The workers that `TF_CONFIG` names.

    Raises:
        CompressorError: it is not set, is malformed, or names fewer than two workers.
    """
    workers = worker_addresses()
    if workers is None:
        what = f"the recipe trains on several machines, and the variable {VARIABLE} does not say which"
        raise CompressorError(what, f"set it on each of them, as in {EXAMPLE}, or write 'distribute: mirrored'")
    return workers


def _addresses(cluster: Mapping[str, Any]) -> list[str]:
    others = [job for job in cluster if job not in _JOBS]
    if others:
        raise _wrong(f"has jobs other than {' and '.join(_JOBS)} in 'cluster': {', '.join(map(repr, others))}")
    addresses = []
    for job in _JOBS:
        listed = cluster.get(job, [])
        if not isinstance(listed, list):
            raise _wrong(f"has no list of addresses as '{job}' in 'cluster'")
        addresses += listed
    for address in addresses:
        if not isinstance(address, str) or not _ADDRESS.fullmatch(address):
            raise _wrong(f"names {address!r}, which is no address as in 'machine:2222'")
    if len(cluster.get("chief", [])) > 1:
        raise _wrong("has several chiefs")
    twice = next((address for address in addresses if addresses.count(address) > 1), None)
    if twice is not None:
        raise _wrong(f"names {twice} twice")
    if len(addresses) < 2:
        what = f"the variable {VARIABLE} names one machine, and a training that several share needs two"
        raise CompressorError(what if addresses else f"the variable {VARIABLE} names no workers", f"write {EXAMPLE}")
    return addresses


def _index(cluster: Mapping[str, Any], task: Mapping[str, Any], count: int) -> int:
    job, index = task.get("type"), task.get("index")
    if job not in cluster or job not in _JOBS:
        raise _wrong(f"has the type {job!r} in 'task', which is no job in 'cluster'")
    listed = len(cluster[job])
    if not isinstance(index, int) or isinstance(index, bool) or not 0 <= index < listed:
        raise _wrong(f"has the index {index!r} in 'task', and its job '{job}' the indices 0 to {listed - 1}")
    return index if job == _JOBS[0] else count - listed + index


def _wrong(what: str) -> CompressorError:
    return CompressorError(f"the variable {VARIABLE} {what}", f"write it as in {EXAMPLE}")
