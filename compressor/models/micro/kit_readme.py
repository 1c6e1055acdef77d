"""Writes the page that explains a firmware kit."""

from __future__ import annotations

from collections.abc import Iterator

from compressor.base.outgoing import markdown
from compressor.base.sizes import format_size
from compressor.models.litert.reading.graph_contents import FileSignature
from compressor.models.micro.firmware_kit import FirmwareKit

_TFLM = """\
## Build it

Add all `.cc` files of this folder to a build of LiteRT for Microcontrollers
(https://github.com/tensorflow/tflite-micro), whose root must be on the path of includes, with C++17. {self_test}
"""
_ARDUINO = """\
## Build it

Open `{folder}.ino` in the Arduino IDE. It needs a library that holds LiteRT for Microcontrollers: install
"Chirale_TensorFlowLite", or "Arduino_TensorFlowLite" for the Nano 33 BLE, by the library manager. {self_test}
"""
_C = """\
## Build it

Add `{name}.c` to your build, as C11 or later. Give your runtime `{name}`, which is aligned to 16 bytes.{self_test}
"""
_PACKED = """\
## Build it

Add `{name}.c` (C11 or later) and `tfpack.c` (C99) to your build. The array holds a package, which is unpacked before
it runs:

```c
alignas(16) static uint8_t model[{guard}_UNPACKED_SIZE];
static uint16_t work[TFPACK_WORK / 2];   /* may be used for something else afterwards */
tfpack package;

if (tfpack_open_memory(&package, {name}, {name}_len) != TFPACK_OK ||
    tfpack_unpack(&package, model, sizeof model, work, sizeof work) != TFPACK_OK) {{
  /* damaged */
}}
```

`tfpack.h` says how to read the package piece by piece, and how to unpack it to flash.{self_test}
"""


def readme(kit: FirmwareKit, ends: FileSignature, folder: str) -> str:
    """Write the page, in Markdown."""
    return "\n".join([f"# {kit.name}\n", *_facts(kit, ends), "", _build(kit, folder)])


def _facts(kit: FirmwareKit, ends: FileSignature) -> Iterator[str]:
    yield f"- {format_size(len(kit.content))} of flash for the {'package' if kit.packed else 'model'}"
    if kit.packed:
        yield f"- {format_size(len(kit.model))} of memory for the model when it is unpacked"
    if kit.decoded:
        yield (
            f"- {format_size(len(kit.source))} of flash it would be without coded weights. The operator DECODE writes "
            "those of a layer into the arena just before it runs: build with a LiteRT for Microcontrollers that has it"
        )
        yield from (
            f"  - {markdown(tensor.name)}, {tensor.method}: {format_size(tensor.bytes_before)} before, "
            f"{format_size(tensor.bytes_after)} now"
            for tensor in kit.decoded
        )
    peak = kit.arena.peak
    where = f", most of it at {markdown(peak.title)}" if peak else ""
    yield (
        f"- {format_size(kit.arena_size)} for the tensor arena: {format_size(kit.arena.tensor_bytes)} of tensors"
        f"{where}, {format_size(kit.arena.persistent_bytes)} that stays, and a margin. Call `arena_used_bytes()` of "
        "the interpreter to see what your kernels need"
    )
    if kit.npu is not None:
        yield (
            f"- on {kit.npu.accelerator}, as vela estimates: {kit.npu.cycles:,} cycles an inference "
            f"({kit.npu.seconds * 1e3:.3g} ms at {kit.npu.clock / 1e6:.0f} MHz), {format_size(kit.npu.sram_bytes)} of "
            f"SRAM, {format_size(kit.npu.flash_bytes)} of weights and commands"
        )
    for side, endpoints in (("takes", ends.inputs), ("gives", ends.outputs)):
        for end in endpoints:
            shape = "x".join(map(str, end.sizes)) or "scalar"
            scale = f": value = {end.scale:.9g} * (stored number - {end.zero_point})" if end.scale else ""
            yield f"- {side} {markdown(end.name)}, {end.dtype} {shape}{scale}"


def _build(kit: FirmwareKit, folder: str) -> str:
    name, guard = kit.name, kit.name.upper()
    if kit.target == "c":
        vector = f"`{name}_vector.h` holds a sample, the outputs for it, and how far a device may be off."
        tested = f"\n\n{vector}" if kit.vector else ""
        if not kit.packed:
            return _C.format(name=name, self_test=tested)
        return _PACKED.format(name=name, guard=guard, self_test=tested)
    if kit.vector is None:
        tested = "There is no self-test, since the kit was made without `--data`."
    elif kit.target != "arduino":
        tested = f"`{name}_main.cc` runs the self-test and ends with 0 if it passes; leave it out of your firmware."
    else:
        tested = "It prints whether the self-test passed."
    return (_ARDUINO if kit.target == "arduino" else _TFLM).format(folder=folder, self_test=tested)
