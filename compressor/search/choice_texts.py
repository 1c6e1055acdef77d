"""How the choices of a search are written for people."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from compressor.recipe.objectives import Goal

_MOST: Final = 3  # choices that a line names
_LEAST: Final = 0.05  # share from which on a choice is named


def short_name(choice: str) -> str:
    """A choice by its step and parameter: `prune.final_sparsity` for `steps.prune.with.final_sparsity`."""
    return choice.removeprefix("steps.").replace(".with.", ".")


def value_text(value: Any) -> str:
    """A value as it would stand in a recipe, with at most four digits of a number."""
    if isinstance(value, str):
        return value
    return f"{value:.4g}" if isinstance(value, float) else json.dumps(value)


def decisive(shares: Mapping[str, float]) -> str:
    """The choices that decide most: `prune.final_sparsity 62 %, qat.epochs 21 %`; empty where none is known."""
    named = sorted(shares.items(), key=lambda each: -each[1])[:_MOST]
    return ", ".join(f"{short_name(name)} {share:.0%}".replace("%", " %") for name, share in named if share >= _LEAST)


def decisive_lines(goals: Sequence[Goal], importances: Sequence[Mapping[str, float]]) -> list[tuple[str, str]]:
    """For each objective of which it is known, its name and the choices that decide most of it."""
    texts = ((goal.name, decisive(shares)) for goal, shares in zip(goals, importances, strict=True))
    return [(name, text) for name, text in texts if text]
