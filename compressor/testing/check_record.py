"""A check of the conformance kit: its name, what it checks, why that matters, and what to do where it fails.

To add one, write a function in a module of `compressor/testing/checks/` and decorate it with `check`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from inspect import getdoc
from typing import Any, Literal, TypeAlias

from compressor.planning.plugin_checks import Kind

Find: TypeAlias = Callable[[Any], Iterable[str]]
"""Yields what is wrong with a plugin, each as a sentence without its full stop; nothing if all is well."""

Status: TypeAlias = Literal["passed", "failed", "not run"]

EVERY_KIND: tuple[Kind, ...] = ("strategy", "metric", "data set", "model")


class NotRun(Exception):  # noqa: N818 - no error: there is nothing to check, and the text says why
    """Raised by a check that has nothing to check in this plugin, or needs what another check has found missing."""


@dataclass(frozen=True)
class Check:
    """A check. `what` says what it checks, `reason` why that matters, and `remedy` what to do where it fails.

    `trains_only` limits it to strategies that train.
    """

    name: str
    kinds: tuple[Kind, ...]
    what: str
    reason: str
    remedy: str
    find: Find
    trains_only: bool = False


@dataclass(frozen=True)
class Outcome:
    """What came of a check: `details` are what it found, or why it was not run.

    `expected` is the reason that was given for it to fail, empty where none was.
    """

    check: Check
    status: Status
    details: tuple[str, ...] = ()
    expected: str = ""

    @property
    def is_fault(self) -> bool:
        """Whether it failed without being expected to, or passed though it was expected to fail."""
        return self.status == ("passed" if self.expected else "failed")

    def __str__(self) -> str:
        if self.status == "passed" and self.expected:
            remedy = "remove it from 'expected_failures'"
            return f"{self.check.name}: it passes, and was expected to fail ({self.expected})\n  remedy: {remedy}"
        found = "".join(f"\n  - {detail}" for detail in self.details)
        return f"{self.check.name}: {self.check.what}{found}\n  why: {self.check.reason}\n  remedy: {self.check.remedy}"


registered: list[Check] = []
"""Every check, in the order in which the checks of one kind are run: those that need no TensorFlow first."""


def check(*kinds: Kind, reason: str, remedy: str, trains_only: bool = False) -> Callable[[Find], Check]:
    """Make a check of the function, whose docstring says what it checks, and which gets the plugin as a subject.

    Args:
        kinds: of plugins that it is for.
        reason: why it matters, as a sentence without its full stop.
        remedy: what to do where it fails, in the same form.
        trains_only: whether it is for strategies that train alone.
    """

    def decorate(find: Find) -> Check:
        what = " ".join((getdoc(find) or "").split()).rstrip(".")
        made = Check(find.__name__, kinds, what, reason, remedy, find, trains_only)
        registered.append(made)
        return made

    return decorate
