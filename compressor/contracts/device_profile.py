"""Describes a device, as its YAML file does: the memory that a model may take, kernels, and the types that run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from compressor.base.fields import Name, Size
from compressor.base.params import Params

Runtime: TypeAlias = Literal["tflm", "litert"]

_Source = Annotated[str, Field(min_length=1, max_length=500)]
_TYPES = 64  # the most in a list
_Types = Annotated[list[Annotated[str, Field(min_length=1, max_length=60)]], Field(max_length=_TYPES)]


class ByteFigure(Params):
    """A number of bytes, and where it is from."""

    bytes: Size = Field(description="bytes, or a size such as `64 KiB`")
    source: _Source = Field(description="the document or header that says so, with its version")


class FloatArithmetic(Params):
    """Whether operators may compute in float."""

    runs: bool = Field(description="whether operators may compute in float")
    source: _Source = Field(description="the document that says so, with its version")


class EndpointTypes(Params):
    """The types that inputs and outputs may have."""

    types: _Types = Field(min_length=1, description="types of inputs and outputs, such as `int8`")
    source: _Source = Field(description="the document that says so, with its version")


class OperatorKernels(Params):
    """In what a runtime has kernels for an operator."""

    types: _Types = Field(
        [],
        description="types of the data, of weights and of the output as far as they differ: `int8`, `int16 x int8`, "
        "`float32 -> int8`; any if left out",
    )
    last_version: int | None = Field(None, ge=1, le=1_000, description="the last version of it; any if left out")

    def runs(self, types: str, version: int) -> bool:
        """Whether there is a kernel for these types and this version."""
        return (not self.types or types in self.types) and (self.last_version is None or version <= self.last_version)


class KernelList(Params):
    """The operators that a library has kernels for, by the schema's names or those of custom operators."""

    source: _Source = Field(description="the document, header or package that says so, with its version")
    operators: dict[str, OperatorKernels] = Field(max_length=1_000, description="kernels by operator")


class DeviceProfile(Params):
    """A device, or a class of devices. What is left out is not limited."""

    name: Name = Field(description="its name; the file's name if left out")
    description: str = Field("", max_length=500, description="what it is, in a sentence")
    runtime: Runtime = Field(description="what runs the file: `tflm` (LiteRT for Microcontrollers) or `litert`")
    flash: ByteFigure | None = Field(None, description="memory for the model, and for the runtime's code")
    ram: ByteFigure | None = Field(None, description="memory for the tensor arena; of the runtime `tflm` alone")
    runtime_code: ByteFigure | None = Field(None, description="flash that the runtime takes, as far as it is known")
    alignment: ByteFigure | None = Field(None, description="what the model's bytes in flash are aligned to")
    float_: FloatArithmetic | None = Field(None, alias="float", description="whether float runs; it does if left out")
    endpoints: EndpointTypes | None = Field(None, description="types that inputs and outputs may have")
    kernels: str | None = Field(None, max_length=80, description="a list of kernels by its name: those of the device")
    operators: dict[str, OperatorKernels] = Field(
        {}, max_length=1_000, description="further kernels, by operator; they have precedence over the list's"
    )
    fallback: str | None = Field(
        None, max_length=80, description="the list of what runs the other operators: reference kernels, or a CPU"
    )
    one_part: bool = Field(
        False, description="whether it runs one part of the file: what follows the first gap is left to the fallback"
    )
    accelerator: str | None = Field(None, max_length=80, description="the NPU by its name in Arm's compiler vela")


@dataclass(frozen=True)
class Device:
    """A profile with the lists of kernels that it names.

    Attributes:
        kernels: what the device itself runs, by operator.
        fallback: what runs what it does not; None where nothing does.
        sources: where each figure and list is from, by what it is.
    """

    profile: DeviceProfile
    kernels: Mapping[str, OperatorKernels]
    fallback: Mapping[str, OperatorKernels] | None = None
    sources: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """That of the profile."""
        return self.profile.name

    @property
    def float_runs(self) -> bool:
        """Whether operators may compute in float."""
        return self.profile.float_ is None or self.profile.float_.runs
