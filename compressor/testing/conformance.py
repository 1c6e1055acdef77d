"""Runs the checks on a class, and tells all that failed at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from compressor.base.errors import CompressorError
from compressor.base.text import did_you_mean, listing, shortened
from compressor.planning.plugin_checks import CONTRACTS, Kind
from compressor.recipe.training_params import TrainingParams
from compressor.testing.check_record import EVERY_KIND, Check, NotRun, Outcome, registered
from compressor.testing.subject import Subject
from compressor.testing.subjects import subject_of

_LONGEST_DETAIL = 600


class ConformanceError(AssertionError):
    """A class does not do what a plugin must; the message lists every check that failed, why it matters, and a remedy.

    `outcomes` are those of all checks.
    """

    def __init__(self, kind: Kind, name: str, outcomes: Sequence[Outcome]) -> None:
        faults = [outcome for outcome in outcomes if outcome.is_fault]
        head = f"the {kind} '{name}' fails {len(faults)} of {len(outcomes)} checks of compressor.testing"
        super().__init__("\n\n".join([f"{head}:", *map(str, faults), *_not_run(outcomes)]))
        self.outcomes = tuple(outcomes)


def check_strategy(
    strategy: type[Any],
    *,
    params: Mapping[str, Any] | None = None,
    expected_failures: Mapping[str, str] | None = None,
) -> Sequence[Outcome]:
    """Check a strategy, on the small models and the 64 samples of the kit. It takes up to a minute.

    Args:
        strategy: the class.
        params: its parameters, as under `with` in a recipe. A strategy that trains gets one epoch if they say nothing.
        expected_failures: by the name of a check, why the strategy fails it on purpose.

    Returns:
        What came of each check, and why some were not run.

    Raises:
        ConformanceError: a check failed that was not expected to, or passed though it was expected to fail.
        ValueError: there is no check of such a name.
    """
    return _checked("strategy", strategy, params, expected_failures)


def check_metric(
    metric: type[Any],
    *,
    params: Mapping[str, Any] | None = None,
    expected_failures: Mapping[str, str] | None = None,
) -> Sequence[Outcome]:
    """Check a metric, on outputs and labels of many shapes; see `check_strategy`."""
    return _checked("metric", metric, params, expected_failures)


def check_dataset(
    dataset: type[Any],
    *,
    params: Mapping[str, Any] | None = None,
    expected_failures: Mapping[str, str] | None = None,
) -> Sequence[Outcome]:
    """Check a data set, which is loaded twice; see `check_strategy`."""
    return _checked("data set", dataset, params, expected_failures)


def check_model(
    model: type[Any],
    *,
    params: Mapping[str, Any] | None = None,
    expected_failures: Mapping[str, str] | None = None,
) -> Sequence[Outcome]:
    """Check a model that plugins bring by name, which is built, saved and converted; see `check_strategy`."""
    return _checked("model", model, params, expected_failures)


def all_checks(kind: Kind | None = None) -> Sequence[Check]:
    """Every check, or those of one kind of plugin, in the order in which they are run."""
    import compressor.testing.checks  # noqa: F401 - which registers them

    return [check for check in registered if kind is None or kind in check.kinds]


def checks_for(kind: Kind, cls: object, expected_failures: Mapping[str, str] | None) -> Sequence[Check]:
    """The checks that are run on a class, chosen by what it is and declares.

    Raises:
        ValueError: one that is expected to fail is not among them.
    """
    trains = _trains(cls)
    chosen = [check for check in all_checks(kind) if trains or not check.trains_only]
    names = [check.name for check in chosen]
    for name, reason in (expected_failures or {}).items():
        if name not in names:
            raise ValueError(f"no check '{name}' is run on this {kind}{did_you_mean(name, names)}")
        if not reason.strip():
            raise ValueError(f"'expected_failures' gives no reason for '{name}' to fail")
    return chosen


def kind_of(cls: object) -> Kind:
    """The kind of plugin that a class is.

    Raises:
        TypeError: it is none.
    """
    contracts = {kind: contract for kind, (_, contract) in CONTRACTS.items() if kind in EVERY_KIND}
    for kind, contract in contracts.items():
        if isinstance(cls, type) and issubclass(cls, contract):
            return kind
    names = listing([contract.__name__ for contract in contracts.values()])
    raise TypeError(f"{cls!r} is no subclass of one of {names}")


def outcome_of(check: Check, subject: Subject, expected: str = "") -> Outcome:
    """Run one check."""
    try:
        subject.refuse_malformed(check.name)
        found = tuple(subject.without_provider(text) for text in check.find(subject))
    except NotRun as nothing:
        return Outcome(check, "not run", (subject.without_provider(str(nothing)),), expected)
    except CompressorError as error:
        found = (subject.without_provider(str(error)),)
    except Exception as error:  # noqa: BLE001 - a plugin may fail in any way, and the other checks go on
        found = (f"{type(error).__name__}: {error}",)
    details = tuple(shortened(text, _LONGEST_DETAIL) for text in found)
    return Outcome(check, "failed" if details else "passed", details, expected)


def _checked(
    kind: Kind, cls: type[Any], params: Mapping[str, Any] | None, expected_failures: Mapping[str, str] | None
) -> Sequence[Outcome]:
    expected = expected_failures or {}
    checks = checks_for(kind, cls, expected)
    with subject_of(kind, cls, params or {}) as subject:
        outcomes = [outcome_of(check, subject, expected.get(check.name, "")) for check in checks]
    if any(outcome.is_fault for outcome in outcomes):
        raise ConformanceError(kind, subject.name, outcomes)
    return outcomes


def _not_run(outcomes: Sequence[Outcome]) -> list[str]:
    skipped: dict[str, list[str]] = {}
    for outcome in outcomes:
        if outcome.status == "not run":
            skipped.setdefault(outcome.details[0], []).append(outcome.check.name)
    if not skipped:
        return []
    lines = [f"  - {', '.join(names)}: {why}" for why, names in skipped.items()]
    return ["\n".join(["not run:", *lines])]


def _trains(cls: object) -> bool:
    params = getattr(cls, "Params", None)
    return isinstance(params, type) and issubclass(params, TrainingParams)
