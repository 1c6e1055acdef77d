"""Lengths of time, as people write them: `15m`, `90s`, `1h30m`."""

from __future__ import annotations

import re

_DURATION = re.compile(r"(?:(\d{1,4}(?:\.\d{1,3})?)h)?(?:(\d{1,5}(?:\.\d{1,3})?)m)?(?:(\d{1,6}(?:\.\d{1,3})?)s)?")


def parse_duration(text: str) -> float:
    """The seconds of a length of time.

    Raises:
        ValueError: it is none, or no time at all.
    """
    match = _DURATION.fullmatch(text.strip().lower().replace(" ", ""))
    hours, minutes, seconds = (float(part or 0) for part in (match.groups() if match else (0, 0, 0)))
    total = 3600 * hours + 60 * minutes + seconds
    if total <= 0:
        raise ValueError(f"'{text[:40]}' is no length of time; write 15m, 90s or 1h30m")
    return total
