"""Runs several coders on the same content side by side, since all of them compute outside Python's lock."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from threading import Thread

from compressor.base.machine import usable_cores
from compressor.models.packing.coders import CODERS

_SOON = 0.2  # seconds, after which an interrupt is noticed everywhere


def payloads_by(names: Iterable[str], content: bytes) -> dict[str, bytes]:
    """What coders make of the same content, by their names in the order given, without those that cannot code it.

    An interrupt is raised here at once; a coder that runs then ends in its thread, and no other begins.
    """
    ordered = list(names)
    waiting, made, faults = deque(reversed(ordered)), dict[str, bytes | None](), list[BaseException]()

    def work() -> None:
        while waiting:
            try:
                name = waiting.popleft()  # the last ones first, which take longest
            except IndexError:
                return
            try:
                made[name] = CODERS[name].encode(content)
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
    if faults:
        raise faults[0]
    return {name: payload for name in ordered if (payload := made[name]) is not None}
