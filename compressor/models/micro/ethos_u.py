"""Compiles files for Arm's Ethos-U NPUs by Arm's compiler vela, in a process of its own."""

from __future__ import annotations

import csv
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from compressor.base.atomic_files import write_named
from compressor.base.errors import ModelError

_SECONDS = 1_800  # that a compilation may take
_KIB = 1024  # the unit of memory in vela's summary
_IN_SRAM, _IN_FLASH = ("sram_memory_used",), ("on_chip_flash_memory_used", "off_chip_flash_memory_used")


@dataclass(frozen=True)
class NpuReport:
    """What vela estimates of a file.

    Attributes:
        accelerator: the NPU, such as `ethos-u55-128`.
        clock: in hertz, of vela's default system for it.
        cycles: of an inference, on the NPU and waiting for memory.
        sram_bytes: the most that is in SRAM at once.
        flash_bytes: weights and commands in flash.
    """

    accelerator: str
    clock: float
    cycles: int
    sram_bytes: int
    flash_bytes: int

    @property
    def seconds(self) -> float:
        """Seconds of an inference."""
        return self.cycles / self.clock


def compiled(content: bytes, accelerator: str) -> tuple[bytes, NpuReport]:
    """Compile a file so that what the NPU computes is one operator `ethos-u`; return vela's figures as well.

    Raises:
        ModelError: vela is not installed, cannot compile the file, or has nothing for the NPU in it.
    """
    if find_spec("ethosu") is None:
        raise ModelError("Arm's compiler vela is not installed", "pip install ethos-u-vela")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_named(folder / "model.tflite", content)
        command = [sys.executable, "-m", "ethosu.vela", "model.tflite", "--output-dir", "."]
        command += ["--accelerator-config", accelerator]
        try:
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=_SECONDS, check=False)
        except subprocess.TimeoutExpired:
            raise ModelError(f"vela took more than {_SECONDS // 60} minutes", "give a smaller file") from None
        made, summaries = folder / "model_vela.tflite", list(folder.glob("model_summary_*.csv"))
        if done.returncode != 0 or not made.exists() or len(summaries) != 1:
            said = [line for line in (done.stderr + done.stdout).splitlines() if line.strip()] or ["it says nothing"]
            raise ModelError(f"vela cannot compile the file ({said[-1].strip()})", "quantize it to int8 or int16x8")
        with summaries[0].open(newline="") as rows:
            report = _report(next(csv.DictReader(rows), {}), accelerator)
        if report.cycles == 0:
            raise ModelError("vela leaves every operator of the file to the CPU", "quantize it to int8 or int16x8")
        return made.read_bytes(), report


def _report(row: Mapping[str, str], accelerator: str) -> NpuReport:
    try:
        return NpuReport(
            accelerator=accelerator,
            clock=float(row["core_clock"]),
            cycles=round(float(row["cycles_total"])),
            sram_bytes=_bytes(row, _IN_SRAM),
            flash_bytes=_bytes(row, _IN_FLASH),
        )
    except (KeyError, ValueError) as error:
        raise ModelError(f"vela's summary is not as expected ({error})", "install version 5 of ethos-u-vela") from None


def _bytes(row: Mapping[str, str], columns: tuple[str, ...]) -> int:
    return round(sum(float(row[column]) for column in columns) * _KIB)
