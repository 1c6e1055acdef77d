"""The log as JSON: one object a line, in place of what is otherwise told on standard error as text.

Whoever tells something need not know: `standard_output.tell` comes here while the log is open.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any, TextIO

from compressor.base.outgoing import json_line

_KINDS = {
    "error": "error",
    "warning": "warning",
    "interrupted": "interrupted",
}  # by the word that a message begins with
_WORD = re.compile(r"(?i)(error|warning): (.*)|(interrupted)\b", re.DOTALL)
_stream: TextIO | None = None


@contextmanager
def events_to(stream: TextIO) -> Iterator[None]:
    """Have everything that is told go to a stream, as JSON."""
    global _stream
    before, _stream = _stream, stream
    try:
        yield
    finally:
        _stream = before


def is_open() -> bool:
    """Whether the log is JSON now."""
    return _stream is not None


def log(event: str, **keys: Any) -> None:
    """Write an event, with the time and with those keys that are not None; nothing where the log is not JSON."""
    if _stream is None:
        return
    given = {key: value for key, value in keys.items() if value is not None}
    with suppress(OSError, ValueError):  # there is nowhere left to say so
        _stream.write(json_line({"time": timestamp(milliseconds=True), "event": event, **given}) + "\n")
        _stream.flush()


def pass_on(line: str) -> None:
    """Write an event of the log of another process, but for its end; what is no event is logged as its output."""
    try:
        event = json.loads(line)
        name = event.pop("event")
    except (ValueError, AttributeError, KeyError, TypeError):
        log("output", message=line)
        return
    event.pop("time", None)
    if name != "ended":
        log(name, **event)


def log_message(text: str) -> None:
    """Write a message as the event that its first word says: `error: ...`, `warning: ...`, `interrupted; ...`."""
    if not text.strip():
        return
    found = _WORD.match(text)
    word = (found[1] or found[3]).lower() if found else ""
    log(word or "note", message=found[2] if found and found[2] else text)


def timestamp(milliseconds: bool = False) -> str:
    """The time now, in ISO 8601 with the zone of this machine: `2026-11-29T19:20:01+00:00`."""
    return datetime.now().astimezone().isoformat(timespec="milliseconds" if milliseconds else "seconds")
