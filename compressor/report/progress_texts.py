"""What is said of a run while it goes on, as short texts that are shown whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from compressor.base.sizes import format_size
from compressor.report.figures import clock_text, metric_text

if TYPE_CHECKING:
    from compressor.contracts.execution_plan import Plan
    from compressor.contracts.report_rows import StageRow


def introduction(plan: Plan, sizes: Mapping[str, int]) -> str:
    """What is about to run."""
    samples = " · ".join(f"{count:,} {name}" for name, count in sizes.items())
    smoke = " · smoke" if plan.smoke else ""
    return f"{plan.recipe.name} · {plan.model.name} on {plan.data.name} ({samples}) · seed {plan.seed}{smoke}"


def figures_of(logs: Mapping[str, float]) -> list[str]:
    """`loss 0.052` and `accuracy 98.3 %`, of validation where it is known."""
    prefix = "val_" if "val_loss" in logs else ""
    parts = []
    for name, value in logs.items():
        if name.startswith("val_") != bool(prefix):
            continue
        bare = name.removeprefix("val_")
        parts.append(f"{bare} {value * 100:.1f} %" if bare == "accuracy" else f"{bare} {_number(value)}")
    return [f"validation {parts[0]}", *parts[1:]] if prefix else parts


def outcome_of(stage: StageRow) -> list[str]:
    """What a stage took, how large its file is, and its first metric."""
    took = "cached" if stage.cached else f"done in {clock_text(stage.seconds)}"
    name, metric = next(iter(stage.metrics.items()))
    return [took, f"measured in {clock_text(stage.measure_seconds)}", format_size(stage.bytes),
            f"{name} {metric_text(metric)}"]  # fmt: skip


def _number(value: float) -> str:
    """`0.052`, and four digits of what is too small or too large for three places."""
    return f"{value:.3f}" if value == 0 or 0.01 <= abs(value) < 10_000 else f"{value:.4g}"
