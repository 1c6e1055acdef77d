"""Holds a file against a device: its memory, its kernels and its types, and how far off what does not fit is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby

from compressor.base.text import counted, listing
from compressor.contracts.device_profile import Device, OperatorKernels
from compressor.devices.called_operators import CalledOperator, called_operators
from compressor.devices.flash import ALIGNMENT, decoder_work, flash_bytes, unpacks_on_devices
from compressor.models.litert.reading.graph_contents import main_graph_of
from compressor.models.micro.arena import plan_arena
from compressor.models.micro.memory_planner import aligned
from compressor.models.packing.package import coder_of, is_package, unpacked

_MOST_NAMED = 4  # operators in a message


@dataclass(frozen=True)
class Budget:
    """The bytes of one memory that a file needs and a device has; None where these are not known, or not limited."""

    name: str
    needed: int | None
    available: int | None

    @property
    def fits(self) -> bool:
        """Whether there is enough."""
        return self.needed is None or self.available is None or self.needed <= self.available

    @property
    def margin(self) -> int | None:
        """Bytes that are left; negative where they are missing, and None where one of both is not known."""
        return None if self.needed is None or self.available is None else self.available - self.needed


@dataclass(frozen=True)
class OperatorGroup:
    """Calls of an operator in the same types that go the same way.

    Attributes:
        name: of the operator.
        types: that it computes in.
        version: of it.
        outputs: what each call makes, by the names of the tensors.
        share: of the file's multiply-accumulates; None where these are open.
    """

    name: str
    types: str
    version: int
    outputs: tuple[str, ...]
    share: float | None

    @property
    def title(self) -> str:
        """The operator in its types, and the layers that it is in."""
        named = listing([f"'{output}'" for output in self.outputs if output], _MOST_NAMED)
        return f"{self.name} in {self.types}" + (f" at {named}" if named else "")


@dataclass(frozen=True)
class Miss:
    """One reason why a file does not fit: what of the device it goes beyond, and how it is told."""

    what: str
    text: str


@dataclass(frozen=True)
class Fit:
    """How a file fits a device.

    Attributes:
        device: its name.
        flash: for the model's bytes, what reads them, and the runtime as far as its size is known.
        ram: for the arena and, of a package, for the file in it.
        without_kernel: operators that nothing on the device runs.
        in_float: operators that compute in float where float does not run.
        fallen_back: operators that are left to reference kernels or a CPU.
        misses: why it does not fit.
        notes: what the figures do not hold.
    """

    device: str
    flash: Budget
    ram: Budget
    without_kernel: tuple[OperatorGroup, ...]
    in_float: tuple[OperatorGroup, ...]
    fallen_back: tuple[OperatorGroup, ...]
    misses: tuple[Miss, ...]
    notes: tuple[str, ...] = ()

    @property
    def fits(self) -> bool:
        """Whether nothing is missing."""
        return not self.misses

    @property
    def fallen_back_share(self) -> float | None:
        """The share of the multiply-accumulates that is left to reference kernels or a CPU."""
        shares = [group.share for group in self.fallen_back]
        return None if None in shares else sum(share for share in shares if share is not None)


def fit(content: bytes, device: Device) -> Fit:
    """Hold a LiteRT file or a package against a device.

    Raises:
        ModelError: it is not a whole LiteRT file, or a damaged package.
    """
    model, profile = unpacked(content), device.profile
    calls = called_operators(model)
    total = _total(calls)
    own, fallback = set(_on_device(calls, device)), device.fallback or {}
    refused = [call.in_float and not device.float_runs for call in calls]
    in_float = [call for call, bad in zip(calls, refused, strict=True) if bad]
    others = [call for place, call in enumerate(calls) if place not in own and not refused[place]]
    missing = [call for call in others if not _runs(call, fallback)]
    fallen = [call for call in others if _runs(call, fallback)]
    grouped = partial(_grouped, total=total)
    flash, ram = _flash(content, device), _ram(content, model, device)
    without_kernel, floats = grouped(missing), grouped(in_float)
    wrong = _wrong_endpoints(model, profile.endpoints.types) if profile.endpoints else []
    misses = tuple(_misses(device, content, flash, ram, without_kernel, floats, wrong))
    return Fit(device.name, flash, ram, without_kernel, floats, grouped(fallen), misses, tuple(_notes(model, device)))


def _on_device(calls: Sequence[CalledOperator], device: Device) -> Iterator[int]:
    """The places of the operators that the device itself runs."""
    began = ended = False
    for place, call in enumerate(calls):
        runs = _runs(call, device.kernels)
        if runs and not (ended and _runs(call, device.fallback or {})):
            yield place
        began = began or runs
        ended = ended or (device.profile.one_part and began and not runs)


def _runs(call: CalledOperator, kernels: Mapping[str, OperatorKernels]) -> bool:
    known = kernels.get(call.name)
    return known is not None and known.runs(call.types, call.version)


def flash_needed(content: bytes, device: Device | None) -> int:
    """The flash that a LiteRT file or a package takes, on a device with the code of its runtime, as far as it is known.

    Raises:
        ModelError: it is not a whole LiteRT file, or a damaged package.
    """
    if device is None:
        return flash_bytes(content)
    profile = device.profile
    alignment = profile.alignment.bytes if profile.alignment else ALIGNMENT
    return flash_bytes(content, alignment) + (profile.runtime_code.bytes if profile.runtime_code else 0)


def _flash(content: bytes, device: Device) -> Budget:
    flash = device.profile.flash
    return Budget("flash", flash_needed(content, device), flash.bytes if flash else None)


def _ram(content: bytes, model: bytes, device: Device) -> Budget:
    if device.profile.runtime != "tflm":
        return Budget("ram", None, None)
    packed, ram = aligned(len(model)) + decoder_work(content) if is_package(content) else 0, device.profile.ram
    return Budget("ram", plan_arena(model).bytes + packed, ram.bytes if ram else None)


def _notes(model: bytes, device: Device) -> Iterator[str]:
    if device.profile.runtime == "tflm" and (more := plan_arena(model).unplanned_graphs):
        yield f"RAM is without the tensors of {counted(more, 'further graph')} of the file, as loops have them"


def _wrong_endpoints(model: bytes, types: Sequence[str]) -> list[str]:
    graph = main_graph_of(model)
    return [
        f"the {side} '{end.name}' is {end.dtype}"
        for side, ends in (("input", graph.inputs), ("output", graph.outputs))
        for end in ends
        if end.dtype not in types
    ]


def _misses(
    device: Device,
    content: bytes,
    flash: Budget,
    ram: Budget,
    missing: Sequence[OperatorGroup],
    in_float: Sequence[OperatorGroup],
    wrong: Sequence[str],
) -> Iterator[Miss]:
    if is_package(content) and not unpacks_on_devices(content):
        what = f"the package is made by the coder {coder_of(content)}, which the decoder for devices does not read"
        yield Miss("package", f"{what}; give 'pack' the parameter 'coder: device'")
    for budget in (flash, ram):
        if not budget.fits and budget.needed is not None and budget.available is not None:
            over = budget.needed - budget.available
            needs = f"needs {budget.needed:,} bytes of {budget.name}, and {device.name} has {budget.available:,}"
            yield Miss(budget.name, f"{needs}: {over:,} bytes too many ({over / budget.available:.1%})")
    if in_float:
        count = counted(sum(len(group.outputs) for group in in_float), "operator")
        what = f"{count} computes" if count.startswith("1 ") else f"{count} compute"
        yield Miss(
            "float", f"{what} in float, which {device.name} does not run: {_titles(in_float)}; quantize the model"
        )
    for group in missing:
        yield Miss("operators", f"{device.name} has no kernel for {group.title}{_why(group, device)}")
    if wrong:
        yield Miss("endpoints", f"{listing(wrong, _MOST_NAMED)}, which {device.name} does not take")


def _why(group: OperatorGroup, device: Device) -> str:
    """The end of a sentence: which types or versions of the operator the device does have; empty if it has none."""
    known = [kernels[group.name] for kernels in (device.kernels, device.fallback or {}) if group.name in kernels]
    if not known:
        return ""
    last = [each.last_version for each in known if each.last_version is not None]
    if all(not each.types or group.types in each.types for each in known):
        return f" version {group.version}; there is one up to version {max(last)}"
    types = list(dict.fromkeys(type_ for each in known for type_ in each.types))
    return f"; there are some for {listing(types, _MOST_NAMED)}"


def _titles(groups: Sequence[OperatorGroup]) -> str:
    return "; ".join(group.title for group in groups[:_MOST_NAMED]) + (" and others" if groups[_MOST_NAMED:] else "")


def _total(calls: Iterable[CalledOperator]) -> int | None:
    counts = [call.multiplications for call in calls]
    return None if None in counts else sum(count for count in counts if count is not None)


def _grouped(calls: Iterable[CalledOperator], total: int | None) -> tuple[OperatorGroup, ...]:
    groups = [(kind, list(same)) for kind, same in groupby(sorted(calls, key=_kind), _kind)]
    return tuple(
        OperatorGroup(name, types, version, tuple(call.output for call in same), _share(same, total))
        for (name, types, version), same in groups
    )


def _kind(call: CalledOperator) -> tuple[str, str, int]:
    return call.name, call.types, call.version


def _share(calls: Sequence[CalledOperator], total: int | None) -> float | None:
    if total is None:
        return None
    return sum(call.multiplications or 0 for call in calls) / total if total else 0.0
