"""Lists the files of a firmware kit, with their texts."""

from __future__ import annotations

from collections.abc import Iterator, Set
from importlib.resources import files
from pathlib import Path

from compressor.models.litert.reading.graph_contents import FileSignature, main_graph_of
from compressor.models.micro.firmware_kit import MARGIN, FirmwareKit
from compressor.models.micro.firmware_texts import endpoint_constants, filled, model_header, model_source, vector_header
from compressor.models.micro.kit_readme import readme

_SUFFIX = {"c": "c", "tflm": "cc", "arduino": "cpp", "ethos-u": "cc"}
_COMPARED_AS = {"int8": "std::int8_t", "int16": "std::int16_t", "float32": "float"}


def kit_files(kit: FirmwareKit, folder_name: str) -> Iterator[tuple[str, Iterator[str]]]:
    """List the files of a kit: their names, and their texts in parts.

    Args:
        folder_name: the name of the folder that they are for, which Arduino wants to be that of the sketch.
    """
    name, suffix = kit.name, _SUFFIX[kit.target]
    main = main_graph_of(kit.model)
    yield f"{name}.h", iter([model_header(name, [*_constants(kit, main)])])
    yield f"{name}.{suffix}", model_source(name, kit.content)
    if kit.packed:
        for device_file in ("tfpack.h", "tfpack.c"):
            path = files("compressor.models.packing") / "device" / device_file
            yield device_file, iter([path.read_text(encoding="utf-8")])
    if kit.vector is not None:
        yield f"{name}_vector.h", vector_header(name, *kit.vector)
    if kit.target != "c":
        yield from _runtime_files(kit, main, suffix, folder_name)
    yield "README.md", iter([readme(kit, main, folder_name)])


def left_over(kit: FirmwareKit, folder: Path, made: Set[str]) -> list[str]:
    """List the names of files in a folder that another export of a kit of this name wrote, and this one did not."""
    parts = ("", "_runner", "_self_test", "_main", "_vector")
    names = {f"{kit.name}{part}.{suffix}" for part in parts for suffix in ("h", "tflite", *_SUFFIX.values())}
    return sorted(name for name in names - made if (folder / name).exists())


def _runtime_files(
    kit: FirmwareKit, main: FileSignature, suffix: str, folder_name: str
) -> Iterator[tuple[str, Iterator[str]]]:
    names = {"NAME": kit.name, "GUARD": kit.name.upper()}
    calls = "\n".join(f"  TF_LITE_ENSURE_STATUS(resolver.{method}());" for method in kit.methods)
    yield f"{kit.name}_runner.h", iter([filled("runner.h", **names)])
    runner = filled("runner.cc", **names, COUNT=max(1, len(kit.methods)), OPERATORS=calls)
    yield f"{kit.name}_runner.{suffix}", iter([runner])
    if kit.vector is not None:
        vector, _ = kit.vector
        fills = [_filling(kit.name, number) for number in range(len(vector.inputs))]
        compares = [_comparing(kit.name, number, end.dtype) for number, end in enumerate(main.outputs)]
        yield f"{kit.name}_self_test.h", iter([filled("self_test.h", **names)])
        test = filled("self_test.cc", **names, FILL="\n".join(fills), COMPARE="\n".join(compares))
        yield f"{kit.name}_self_test.{suffix}", iter([test])
    if kit.target in ("tflm", "ethos-u") and kit.vector is not None:
        yield f"{kit.name}_main.cc", iter([filled("main.cc", **names)])
    if kit.target == "arduino":
        yield f"{folder_name}.ino", iter([_sketch(kit, names)])


def _filling(name: str, number: int) -> str:
    array = f"{name}_input_{number}"
    return f"  std::memcpy(interpreter->input({number})->data.raw, {array}, sizeof({array}));"


def _comparing(name: str, number: int, dtype: str) -> str:
    made, wanted = f"interpreter->output({number})->data.raw", f"{name}_output_{number}"
    type_, allowed = _COMPARED_AS.get(dtype, "unsigned char"), f"{name.upper()}_OUTPUT_{number}_ALLOWED"
    return f"  if (!Near<{type_}>({made}, {wanted}, sizeof({wanted}), {allowed})) return {number + 1};"


def _sketch(kit: FirmwareKit, names: dict[str, str]) -> str:
    if kit.vector is None:
        include, setup = (
            "",
            f'  Serial.println({kit.name}_interpreter() == nullptr ? "no room in the arena" : "ready");',
        )
    else:
        include = f'#include "{kit.name}_self_test.h"\n'
        setup = f'  Serial.println({kit.name}_self_test() == 0 ? "the self-test passed" : "the self-test FAILED");'
    return filled("sketch.ino", **names, INCLUDE_TEST=include, SETUP=setup)


def _constants(kit: FirmwareKit, main: FileSignature) -> Iterator[str]:
    guard = kit.name.upper()
    if kit.packed:
        yield f"/* the array is a package: bytes of the file in it */\n#define {guard}_UNPACKED_SIZE {len(kit.model)}\n"
    yield f"/* bytes of the tensor arena: {kit.arena.bytes:,} as planned for the reference kernels and pointers of"
    if kit.arena.unplanned_graphs:
        yield f" * 4 bytes, and {MARGIN} % more. Tensors of {kit.arena.unplanned_graphs} further graphs, as loops have"
        yield " * them, are not counted: make it larger */"
    else:
        yield f" * 4 bytes, and {MARGIN} % more */"
    yield f"#define {guard}_ARENA_SIZE {kit.arena_size}\n"
    yield from endpoint_constants(kit.name, "input", main.inputs)
    yield from endpoint_constants(kit.name, "output", main.outputs)
