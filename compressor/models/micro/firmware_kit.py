"""Gathers what firmware needs to run a model: its bytes, operators and memory, and a sample to test itself with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from compressor.base.errors import ModelError
from compressor.models.litert.format.flatbuffer import one_flatbuffer
from compressor.models.micro.arena import Arena, plan_arena
from compressor.models.micro.c_header import c_name
from compressor.models.micro.decoded_weights import DecodedTensor, with_decoded_weights
from compressor.models.micro.ethos_u import NpuReport, compiled
from compressor.models.micro.memory_planner import aligned
from compressor.models.micro.operator_methods import resolver_methods
from compressor.models.micro.sample_vector import SampleVector
from compressor.models.packing.coders import FOR_DEVICES
from compressor.models.packing.package import coder_of, is_package, unpack

Target: TypeAlias = Literal["c", "tflm", "arduino", "ethos-u"]
TARGETS: tuple[Target, ...] = get_args(Target)
MARGIN = 10  # percent of the arena that is planned, for kernels that allocate more than the reference kernels do


@dataclass(frozen=True)
class FirmwareKit:
    """A model, and all that the files of a firmware kit say about it.

    Attributes:
        name: of the array in C, and the beginning of all names of files.
        content: what is stored in the array: a LiteRT file, or a package of one.
        model: the LiteRT file that runs, or the one in the package.
        source: the LiteRT file that it was made of, which LiteRT runs: the same but for the two ways below.
        methods: what registers its operators; none for the target `c`.
        vector: a sample and its outputs, and where the sample is from; None without data.
        npu: vela's figures, for the target `ethos-u`.
        decoded: weights that are coded in flash and decoded on the device.
    """

    target: Target
    name: str
    content: bytes
    model: bytes
    source: bytes
    methods: tuple[str, ...]
    arena: Arena
    vector: tuple[SampleVector, str] | None = None
    npu: NpuReport | None = None
    decoded: tuple[DecodedTensor, ...] = ()

    @property
    def packed(self) -> bool:
        """Whether the array holds a package."""
        return self.content is not self.model

    @property
    def arena_size(self) -> int:
        """Bytes of the arena, with a margin of `MARGIN` percent."""
        return aligned(self.arena.bytes + -(-self.arena.bytes * MARGIN // 100))


def kit_of(stored: bytes, target: Target, name: str, accelerator: str, decode: bool = False) -> FirmwareKit:
    """Make the kit of a LiteRT file or a package, without a vector.

    Args:
        stored: the file or the package.
        target: what is to run it.
        name: of the array.
        accelerator: the NPU, for the target `ethos-u`.
        decode: whether to keep weights coded in flash, for TFLM's operator DECODE.

    Raises:
        ModelError: the file is damaged, the target cannot run it, or the decoder in C does not read the package.
    """
    if not is_package(stored):
        source = one_flatbuffer(stored)
        model, npu = source, None
        decoded: tuple[DecodedTensor, ...] = ()
        if target == "ethos-u":
            model, npu = compiled(source, accelerator)
        elif decode:
            model, decoded = with_decoded_weights(source)
        methods = () if target == "c" else resolver_methods(model)
        return FirmwareKit(
            target, c_name(name), model, model, source, methods, plan_arena(model), npu=npu, decoded=decoded
        )
    if target != "c":
        what = f"a package cannot be exported with --to {target}, since it must be unpacked before it runs"
        raise ModelError(what, "export it with --to c, or the .tflite file that `compressor unpack` writes")
    coder = coder_of(stored)
    if coder not in FOR_DEVICES:
        what = f"the package is made by the coder {coder}, which the decoder in C does not read"
        raise ModelError(what, "give 'pack' the parameter 'coder: device'")
    model = unpack(stored)
    return FirmwareKit(target, c_name(name), stored, model, model, (), plan_arena(model))
