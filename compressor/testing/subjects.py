"""Opens a class for its checks, with what checks of its kind need."""

from __future__ import annotations

import atexit
from collections.abc import Mapping
from typing import Any

from compressor.planning.plugin_checks import Kind
from compressor.testing.strategy_subject import StrategySubject
from compressor.testing.subject import Subject


def subject_of(kind: Kind, cls: type[Any], values: Mapping[str, Any]) -> Subject:
    """The subject of a class; use it in a `with` block."""
    return (StrategySubject if kind == "strategy" else Subject)(kind, cls, values)


def opened_subject(kind: Kind, cls: type[Any], values: Mapping[str, Any]) -> Subject:
    """The subject of a class, which is closed when the process ends."""
    subject = subject_of(kind, cls, values)
    atexit.register(subject.__exit__)
    return subject
