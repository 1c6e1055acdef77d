"""Checks of strategies that train."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from compressor.testing.check_record import NotRun, check
from compressor.testing.strategy_subject import StrategySubject

_EPOCHS = 2


@check(
    "strategy",
    reason="only such a training shows its progress, takes the recipe's defaults, and goes on after a kill",
    remedy="train by context.fit(model, self.params, callbacks)",
)
def trains_by_the_context(subject: StrategySubject) -> Iterable[str]:
    """It trains by `context.fit`, and by nothing else."""
    trials = [trial for trial in subject.trials() if "refused" not in trial.faults]
    if not trials:
        raise NotRun("it refuses all models of the kit")
    if any(trial.watched.own_fits for trial in trials):
        yield "it calls 'fit' of the model itself"
    elif subject.trains and not any(trial.watched.fits for trial in trials):
        yield "its parameters are those of a training, and it never calls context.fit"


@check(
    "strategy",
    reason="a training that was cut after hours otherwise begins anew",
    remedy="give each callback 'get_state' and 'set_state', or 'stateless = True' where it keeps nothing",
    trains_only=True,
)
def callbacks_have_a_state(subject: StrategySubject) -> Iterable[str]:
    """Of each callback of its trainings it is known what it keeps from one epoch to the next."""
    unknown = {name for trial in subject.trials() for name in trial.watched.callbacks}
    yield from (f"nobody knows what the callback {name} keeps" for name in sorted(unknown))


@check(
    "strategy",
    reason="a run that was killed and goes on must end in the same bytes, or its results mean nothing",
    remedy="keep in callbacks' 'get_state' all that they count, and take from the model nothing that training changes",
    trains_only=True,
)
def goes_on_after_a_kill(subject: StrategySubject) -> Iterable[str]:
    """A training that is killed after its first epoch, and goes on, ends in the same bytes."""
    model = subject.done().model
    if (whole := _trained(subject, model, "whole", None)) is None:
        raise NotRun("it does not work with two epochs")
    kept = _Kept()
    try:
        _trained(subject, model, "killed", kept)
    except _Killed:
        pass
    else:
        raise NotRun("its training ends before an epoch is done, so that there is nothing to go on from")
    resumed = _trained(subject, model, "resumed", kept)
    if resumed is None or resumed.digest != whole.digest:
        yield f"its result for the model '{model}' differs from that of a training that was not killed"


def _trained(subject: StrategySubject, model: str, way: str, checkpoints: Any) -> Any:
    trial = subject.trial(model, epochs=_EPOCHS, in_full=False, way=way, checkpoints=checkpoints)
    return trial if trial.is_done else None


class _Killed(KeyboardInterrupt):
    """Ends a training as a kill does, past every handler of errors."""


class _Kept:
    """Checkpoints in memory; the first one that is saved ends the process, so to speak."""

    def __init__(self) -> None:
        self.states: dict[int, bytes] = {}

    def load(self, fit: int) -> bytes | None:
        return self.states.get(fit)

    def save(self, fit: int, state: bytes) -> None:
        is_first = not self.states
        self.states[fit] = state
        if is_first:
            raise _Killed
