"""Runs several coders on the same content side by side, since all of them compute outside Python's lock."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from threading import Thread

from compressor.base.machine import usable_cores
from compressor.models.packing.coders import CODERS

_SOON = 0.2  # seconds, after which an interrupt is noticed everywhere


def payloads_by(names: Iterable[str], content: bytes) -> dict[str, bytes]:
    """What coders make of the same content, by their names in the order given, without those that cannot code it.

    A coder ends as soon as it has written more than another needed for all, and is missing then: the smallest payload
    is there in any case, and the first of those of its size. An interrupt is raised here at once; the coders that run
    then end soon, and no other begins.
    """
    ordered = list(names)
    waiting = deque(name for early in (False, True) for name in reversed(ordered) if CODERS[name].ends_early == early)
    made, faults, least = dict[str, bytes | None](), list[BaseException](), [math.inf]

    def work() -> None:
        while waiting:
            try:
                name = waiting.popleft()
            except IndexError:
                return
            try:
                payload = CODERS[name].encode(content, lambda written: written > least[0])
                made[name] = payload
                least[0] = min(least[0], math.inf if payload is None else len(payload))
            except BaseException as error:  # noqa: BLE001 - raised again below, by the thread that asked
                faults.append(error)
                return

    threads = [Thread(target=work, daemon=True) for _ in range(min(usable_cores(), len(ordered)))]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            while thread.is_alive():
                thread.join(_SOON)
    finally:
        waiting.clear()
        least[0] = -1  # which all that still run have passed
    if faults:
        raise faults[0]
    return {name: payload for name in ordered if (payload := made[name]) is not None}
