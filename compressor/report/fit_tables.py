"""How a file fits a device, and what a device has, as tables for terminals of any width."""

from __future__ import annotations

from collections.abc import Iterator

from compressor.base.sizes import format_size
from compressor.contracts.device_profile import Device
from compressor.contracts.report_rows import DeviceRow
from compressor.report.device_rows import fallback_text
from compressor.report.screen import Screen
from compressor.report.screen_table import Align


def print_fit(row: DeviceRow, npu: str, screen: Screen) -> None:
    """The verdict, the memories with what is left of them, what is missing, and what falls back."""
    screen.show((f"{row.name}: {'fits' if row.fits else 'does not fit'}", "bold green" if row.fits else "bold red"))
    memories = [
        _memory("flash", row.flash_bytes, row.flash_limit),
        _memory("RAM", row.ram_bytes, row.ram_limit),
    ]
    headings: list[tuple[str, Align]] = [("", "left"), *((name, "right") for name in ("needs", "has", "left", "share"))]
    screen.print(screen.table(headings, [cells for cells in memories if cells], fold=True))
    for miss in row.misses:
        screen.show(" ", (f"✗ {miss.text}", "red"))
    if row.fallback:
        screen.show(f" {fallback_text(row)}")
    for note in row.notes:
        screen.show(f" {note}")
    if npu:
        screen.show(f" {npu}")
    screen.show()


def _memory(name: str, needed: int | None, available: int | None) -> list[str]:
    if needed is None:
        return []
    if available is None:
        return [name, f"{needed:,}", "no limit", "-", "-"]
    return [name, f"{needed:,}", f"{available:,}", f"{available - needed:,}", f"{1 - needed / available:.1%}"]


def print_device(device: Device, screen: Screen) -> None:
    """The figures of a device, each with its source."""
    screen.show((device.name, "bold"), f"  {device.profile.description}")
    for name, value, source in _figures(device):
        screen.show(f"  {name}: {value}")
        if source:
            screen.show(f"      {source}")
    screen.show()


def _figures(device: Device) -> Iterator[tuple[str, str, str]]:
    profile, sources = device.profile, device.sources
    yield "runtime", profile.runtime, ""
    for name, figure in (("flash", profile.flash), ("ram", profile.ram), ("runtime code", profile.runtime_code),
                         ("alignment", profile.alignment)):  # fmt: skip
        if figure is not None:
            yield name, f"{figure.bytes:,} bytes ({format_size(figure.bytes)})", sources[name]
    yield "float", "runs" if device.float_runs else "does not run", sources.get("float", "")
    if profile.endpoints is not None:
        yield "endpoints", ", ".join(profile.endpoints.types), sources["endpoints"]
    yield "kernels", f"{len(device.kernels)} operators", sources.get("kernels", "")
    if device.fallback is not None:
        yield "fallback", f"{len(device.fallback)} operators", sources.get("fallback", "")
