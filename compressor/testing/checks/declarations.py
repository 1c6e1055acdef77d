"""Checks of what a class declares, and of its module, that need no model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from compressor.base.text import printable, shortened
from compressor.planning.registry import LONGEST_IMPORT
from compressor.testing.check_record import EVERY_KIND, NotRun, check
from compressor.testing.fresh_process import Seen
from compressor.testing.subject import Subject

_ENDPOINTS = ("names", "shapes", "types")


@check(
    *EVERY_KIND,
    reason="a class that does not is refused when its plugin is loaded, and takes the whole plugin with it",
    remedy="derive it from its base class, implement what is abstract there, and give it a 'name' for recipes",
)
def meets_the_contract(subject: Subject) -> Iterable[str]:
    """The class has the base class, methods, name and Params that its kind of plugin must have."""
    if subject.malformed:
        yield subject.malformed


@check(
    *EVERY_KIND,
    reason="its first paragraph is the description of the class in lists, in editors and in reports",
    remedy="write a docstring for the class, which says in one sentence what it does",
)
def has_a_description(subject: Subject) -> Iterable[str]:
    """The class has a docstring of its own."""
    if not (vars(subject.cls).get("__doc__") or "").strip():
        yield f"the class {subject.cls.__name__} has no docstring"


@check(
    *EVERY_KIND,
    reason="the tool imports every installed plugin, for whichever command",
    remedy="leave out of the module whatever may fail, wait, or end the process; do it in the methods that need it",
)
def can_be_imported(subject: Subject) -> Iterable[str]:
    """The module of the class can be imported in a process that has imported nothing else."""
    seen = subject.seen_afresh
    if seen.failure:
        yield seen.failure


@check(
    *EVERY_KIND,
    reason="every command waits for it, also those that need no model, such as 'validate'",
    remedy="import large libraries within the functions that use them",
)
def imports_nothing_heavy(subject: Subject) -> Iterable[str]:
    """The module of the class imports no large library, such as TensorFlow, by itself."""
    if heavy := _imported(subject).imported:
        yield f"importing its module imports {' and '.join(heavy)}"


@check(
    *EVERY_KIND,
    reason="it would change the results of whatever runs in the same process",
    remedy="set nothing for the whole process while the module is imported",
)
def imports_without_side_effects(subject: Subject) -> Iterable[str]:
    """Importing the module changes neither the working directory nor the environment, and prints nothing."""
    seen = _imported(subject)
    yield from (f"importing its module changed {what}" for what in seen.changed)
    if seen.printed:
        yield f"importing its module, or planning, printed {shortened(printable(seen.printed), 60)!r}"


@check(
    "strategy",
    reason="the planner and the cache read them before the step is run",
    remedy="give the flags True or False, 'changes_endpoints' a collection of 'names', 'shapes' and 'types', and have "
    "'depends_on' return a compressor.DependsOn",
)
def declarations_are_valid(subject: Subject) -> Iterable[str]:
    """What the class declares beside its parameters is of the types that the contract names."""
    cls: Any = subject.cls
    for flag in ("scores", "makes_layers", "depends_on_weights", "in_place"):
        if not isinstance(getattr(cls, flag), bool):
            yield f"'{flag}' is {getattr(cls, flag)!r}"
    changes = cls.changes_endpoints
    if isinstance(changes, str) or not all(change in _ENDPOINTS for change in changes):
        yield f"'changes_endpoints' is {changes!r}"
    yield from _faults_of_dependencies(subject)


def _faults_of_dependencies(subject: Subject) -> Iterator[str]:
    from compressor.base.errors import CompressorError, StepError
    from compressor.base.plugin_errors import fenced
    from compressor.contracts.dependencies import DependsOn

    strategy = subject.instance
    try:
        with fenced("'depends_on'", StepError):
            declared = strategy.depends_on()
    except CompressorError as error:
        yield error.what
        return
    if not isinstance(declared, DependsOn):
        yield f"'depends_on' returned {type(declared).__name__}"


def _imported(subject: Subject) -> Seen:
    seen = subject.seen_afresh
    if seen.failure:
        raise NotRun(f"its module cannot be imported in a process of its own (within {LONGEST_IMPORT:g} s)")
    return seen
