"""Checks that applying a strategy is repeatable, and leaves the process as it was."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from compressor.testing.check_record import NotRun, check
from compressor.testing.strategy_subject import StrategySubject

_OTHER_SEED = 987


@check(
    "strategy",
    reason="the cache, locks and comparisons of runs rely on it: the same recipe gives the same bytes",
    remedy="draw random numbers from np.random.default_rng(context.seed), and iterate over nothing that has no order",
)
def same_seed_gives_same_bytes(subject: StrategySubject) -> Iterable[str]:
    """Applied twice with the same seed, it returns the same bytes."""
    first = _first(subject)
    again = subject.trial(first.model, in_full=False, way="again")
    if not again.is_done:
        yield f"it worked the first time, and not the second: {next(iter(again.faults.values()))}"
    elif first.digest != again.digest:
        yield f"its results for the model '{first.model}' differ"


@check(
    "strategy",
    reason="what else draws from them, such as another library, would change the result",
    remedy="draw from np.random.default_rng(context.seed) in place of 'random' and 'np.random'",
)
def ignores_global_random_numbers(subject: StrategySubject) -> Iterable[str]:
    """Its result does not depend on the global random numbers of Python and NumPy."""
    first = _first(subject)
    again = subject.trial(first.model, in_full=False, way="again")
    other = subject.trial(first.model, in_full=False, way="disturbed", disturb=_OTHER_SEED)
    if first.digest != again.digest:
        raise NotRun("its results differ anyway")
    if first.digest != other.digest:
        yield f"its result for the model '{first.model}' differs with other global random numbers"


@check(
    "strategy",
    reason="the tool puts it back, but what the strategy itself computes meanwhile may depend on it",
    remedy="pass paths and settings as arguments, and leave the process alone",
)
def leaves_the_process_alone(subject: StrategySubject) -> Iterable[str]:
    """It changes neither the working directory nor the environment, seeds and settings of Keras."""
    changed = {what for trial in _all(subject) for what in trial.watched.changed}
    yield from (f"it changed {what}" for what in sorted(changed))


@check(
    "strategy",
    reason="standard output belongs to the tool: it may be JSON that a program reads",
    remedy="tell users by context.note(text), and use logging for the rest",
)
def prints_nothing(subject: StrategySubject) -> Iterable[str]:
    """It prints nothing."""
    printed = [trial.watched.printed for trial in _all(subject) if trial.watched.printed]
    if printed:
        yield f"it printed {printed[0][:60]!r}"


def _first(subject: StrategySubject) -> Any:
    found = subject.done()
    if not found.digest:
        raise NotRun("what it returns cannot be saved")
    return found


def _all(subject: StrategySubject) -> Any:
    return subject.trials()
