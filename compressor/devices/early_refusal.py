"""Refuses, before anything is trained, a model that its target cannot run."""

from __future__ import annotations

from collections.abc import Callable

from compressor.base.errors import TargetError
from compressor.contracts.device_profile import Device
from compressor.devices.fitting import fit
from compressor.models.packing.package import is_package

_OF_MEMORY = ("flash", "ram")


def refuse_unfit(content: bytes, whole: bool, device: Device, warn: Callable[[str], None]) -> None:
    """Refuse the file that a chain of steps makes of an untrained model, if training cannot mend what is wrong with it.

    Kernels and types stay what they are. Sizes may change with the weights, so they are only told.

    Args:
        content: the file, or the package.
        whole: whether all steps were taken; those left out may make it smaller.
        device: what it must fit.
        warn: is told of sizes that are too large.

    Raises:
        TargetError: the device does not run the file.
    """
    misses = fit(content, device).misses
    if reasons := [miss.text for miss in misses if miss.what not in _OF_MEMORY]:
        what = f"the model cannot run on the target '{device.name}': {'; '.join(reasons)}"
        raise TargetError(what, "change the model or the steps, or take another target")
    for miss in misses:
        if whole and not (miss.what == "flash" and is_package(content)):  # untrained weights pack badly
            warn(f"the untrained model {miss.text}, and training changes that only where it removes weights")
