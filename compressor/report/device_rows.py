"""How the stages of a run fit the recipe's target: rows of the report, verdicts, and lines for people."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from compressor.base.sizes import format_size
from compressor.base.text import counted, listing
from compressor.contracts.device_profile import Device
from compressor.contracts.report_rows import ConstraintRow, DeviceRow, KernelRow, MissRow, StageRow
from compressor.devices.fitting import Fit, OperatorGroup, fit
from compressor.recipe.verdicts import judged
from compressor.report.column_types import StageOfRun

_MOST_NAMED = 6  # operators in a line


def device_row(of: StageOfRun) -> DeviceRow | None:
    """How a stage's file fits; None without a target."""
    device = of.result.plan.device
    return None if device is None else row_of(fit(of.stage.content, device))


def row_of(found: Fit) -> DeviceRow:
    """The row of a fit."""
    return DeviceRow(
        name=found.device,
        fits=found.fits,
        flash_bytes=found.flash.needed,
        flash_limit=found.flash.available,
        ram_bytes=found.ram.needed,
        ram_limit=found.ram.available,
        misses=[MissRow(what=miss.what, text=miss.text) for miss in found.misses],
        notes=list(found.notes),
        without_kernel=_rows(found.without_kernel),
        in_float=_rows(found.in_float),
        fallback=_rows(found.fallen_back),
    )


def device_verdicts(device: Device | None, stages: Sequence[StageRow]) -> Iterator[ConstraintRow]:
    """The verdicts on the last stage: on flash and RAM, where they are limited, and on kernels and types."""
    rows = [row for stage in stages if (row := _device_of(stage)) is not None]
    if device is None or len(rows) < len(stages):
        return
    last = rows[-1]
    figures: tuple[tuple[str, int | None, Callable[[DeviceRow], int | None]], ...] = (
        ("target.flash", last.flash_limit, lambda row: row.flash_bytes),
        ("target.ram", last.ram_limit, lambda row: row.ram_bytes),
    )
    for name, limit, figure in figures:
        if limit is not None:
            values = [figure(row) for row in rows]
            verdict = judged(name, "at most", limit, values, stages, format_size, format_size, None)
            yield ConstraintRow(**vars(verdict))
    others = [miss.text for miss in last.misses if miss.what not in ("flash", "ram")]
    actual = "; ".join(others) if others else "all of them run"
    yield ConstraintRow(name="target.operators", limit=f"run on {last.name}", actual=actual, met=not others)


def device_lines(stage: StageRow) -> list[str]:
    """Whether the stage fits its target, and what falls back; nothing without a target."""
    row = _device_of(stage)
    if row is None:
        return []
    fits = "fits" if row.fits else "does not fit"
    parts = [_of(row.flash_bytes, row.flash_limit, "flash"), _of(row.ram_bytes, row.ram_limit, "RAM")]
    return [
        f"{fits} {row.name}: {', '.join(filter(None, parts))}",
        *([fallback_text(row)] if row.fallback else []),
        *row.notes,
    ]


def fallback_text(row: DeviceRow) -> str:
    """`left to reference kernels: 2 RESHAPE in int8, 1 QUANTIZE in float32 -> int8 (3 operators, 0.0% of MACs)`."""
    named = listing([f"{group.calls} {group.operator} in {group.types}" for group in row.fallback], _MOST_NAMED)
    count = counted(sum(group.calls for group in row.fallback), "operator")
    shares = [group.share_of_macs for group in row.fallback if group.share_of_macs is not None]
    macs = f", {sum(shares):.1%} of the MACs" if len(shares) == len(row.fallback) else ""
    return f"left to reference kernels or the CPU: {named} ({count}{macs})"


def _device_of(stage: StageRow) -> DeviceRow | None:
    row: DeviceRow | None = getattr(stage, "device", None)
    return row


def _of(needed: int | None, available: int | None, what: str) -> str:
    if needed is None:
        return ""
    return f"{format_size(needed)} of {what}" + ("" if available is None else f" ({format_size(available)} there)")


def _rows(groups: Sequence[OperatorGroup]) -> list[KernelRow]:
    return [
        KernelRow(
            operator=group.name,
            types=group.types,
            version=group.version,
            calls=len(group.outputs),
            layers=list(group.outputs),
            share_of_macs=group.share,
        )
        for group in groups
    ]
