"""Checks that a strategy works on each of the kit's models, or refuses it in the way that it should."""

from __future__ import annotations

from collections.abc import Iterable

from compressor.testing.check_record import Check, NotRun, check
from compressor.testing.kit_models import ODD, TITLES, TRIED
from compressor.testing.strategy_subject import StrategySubject

_REASON = "recipes are written for models of many kinds, and a training may be lost where a step fails"


def _works_on(model: str) -> Check:
    def works(subject: StrategySubject) -> Iterable[str]:
        trial = subject.trial(model)
        if "refused" in trial.faults:
            raise NotRun(f"it refuses the model: {trial.faults['refused']}")
        yield from (trial.faults[concern] for concern in ("crashed",) if concern in trial.faults)

    works.__name__ = f"works_on_{model}"
    works.__doc__ = (
        f"The strategy can be applied to a model with {TITLES[model]}, or refuses it by an error of the tool."
    )
    remedy = "mend it, or refuse such a model by raising compressor.StepError(what, remedy)"
    return check("strategy", reason=_REASON, remedy=remedy)(works)


WORKS = tuple(map(_works_on, TRIED))


@check(
    "strategy",
    reason="a strategy that refuses all of them can hardly be used",
    remedy="look at the reasons, and mend what refuses too much; give 'params' if the defaults are for large models",
)
def works_on_some_model(subject: StrategySubject) -> Iterable[str]:
    """The strategy takes at least one of the kit's models."""
    trials = subject.trials()
    if all("refused" in trial.faults for trial in trials):
        yield f"it refuses all {len(trials)} models; the first one with: {trials[0].faults['refused']}"


@check(
    "strategy",
    reason="an error of any other class is reported as a fault of the plugin, with nothing that the user could do",
    remedy="raise compressor.StepError(what, remedy) where there is nothing to work on",
)
def refuses_by_errors_of_the_tool(subject: StrategySubject) -> Iterable[str]:
    """Models without weights, and with frozen ones only, are compressed, or refused by an error of the tool."""
    for model in ODD:
        trial = subject.trial(model, in_full=False, way="odd")
        if "crashed" in trial.faults:
            yield f"a model with {TITLES[model]}: {trial.faults['crashed']}"
