"""How much each choice of a search decides of each objective."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from compressor.recipe.objectives import Goal

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

_FEWEST = 8  # trials from which on it is told what decides


def importances_of(trials: Sequence[FrozenTrial], goals: Sequence[Goal]) -> tuple[Mapping[str, float], ...]:
    """For each goal, the choices' shares of 1, the largest first; empty after few trials, or where all are alike.

    A choice decides much if the best tenth of the trials differs from the others in it: PED-ANOVA (Watanabe et al.
    2023, arXiv 2304.10255), as Optuna computes it.

    Args:
        trials: that were measured; those that repeat an earlier one tell nothing more, and are left out.
        goals: what the trials' values are of.
    """
    from optuna import create_study
    from optuna.importance import get_param_importances

    once = [trial for trial in trials if not trial.user_attrs.get("repeats")]
    study = create_study(directions=["maximize" if goal.maximize else "minimize" for goal in goals])
    study.add_trials(once)
    found: list[Mapping[str, float]] = []
    for index, goal in enumerate(goals):
        sign = -1.0 if goal.maximize else 1.0

        def target(trial: FrozenTrial, index: int = index, sign: float = sign) -> float:
            return sign * float(trial.values[index])

        varies = len(once) >= _FEWEST and len({target(trial) for trial in once}) > 1
        shares = get_param_importances(study, target=target) if varies else {}
        found.append(shares if math.isclose(sum(shares.values()), 1, abs_tol=1e-6) else {})
    return tuple(found)
