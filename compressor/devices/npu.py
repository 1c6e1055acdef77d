"""Asks Arm's compiler vela, where it is installed, for the cycles and the memory of a file on a device's NPU."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from importlib.util import find_spec
from typing import Any

from compressor.base.errors import ModelError
from compressor.base.sizes import format_size
from compressor.contracts.device_profile import Device
from compressor.models.litert.format.flatbuffer import one_flatbuffer
from compressor.models.micro.ethos_u import NpuReport, compiled
from compressor.models.packing.package import unpacked


@dataclass(frozen=True)
class NpuFigures:
    """vela's figures; None with the reason where there are none, and no reason where the device has no NPU."""

    report: NpuReport | None = None
    reason: str = ""

    @property
    def as_data(self) -> dict[str, Any] | None:
        """The figures as data."""
        return None if self.report is None else {**asdict(self.report), "seconds": self.report.seconds}

    @property
    def text(self) -> str:
        """A line about them; empty for a device without an NPU."""
        if self.report is None:
            return f"vela says nothing: {self.reason}" if self.reason else ""
        memory = f"{format_size(self.report.sram_bytes)} of SRAM, {format_size(self.report.flash_bytes)} of flash"
        return f"vela estimates {self.report.cycles:,} cycles, {self.report.seconds * 1e3:.2f} ms, {memory}"


def npu_figures(content: bytes, device: Device) -> NpuFigures:
    """vela's figures of a LiteRT file, or of the one in a package.

    Raises:
        ModelError: it is not a whole LiteRT file, or a damaged package.
    """
    if device.profile.accelerator is None:
        return NpuFigures()
    if find_spec("ethosu") is None:
        return NpuFigures(reason="it is not installed (pip install ethos-u-vela)")
    model = one_flatbuffer(unpacked(content))
    try:
        return NpuFigures(compiled(model, device.profile.accelerator)[1])
    except ModelError as error:
        return NpuFigures(reason=str(error))
