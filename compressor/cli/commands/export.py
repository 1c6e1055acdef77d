"""`compressor export`."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from compressor.base.errors import ModelError, OutputError
from compressor.base.standard_output import say, tell
from compressor.cli.options import debug_option, plugin_option
from compressor.cli.outputs import refuse_output, written
from compressor.cli.own_command import OwnCommand

if TYPE_CHECKING:
    from compressor.models.micro.firmware_kit import FirmwareKit, Target

_MOST_TOLD = 3  # operators that the runtime lacks
_ACCELERATOR = "ethos-u55-128"
_SKETCH = (
    r"(?!.*\.$)[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}"  # Arduino's sketch specification; sketch and folder have one name
)


@click.command("export", cls=OwnCommand)
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--to",
    "target",
    required=True,
    type=click.Choice(["c", "tflm", "arduino", "ethos-u"]),
    help="C arrays alone, LiteRT for Microcontrollers, a sketch of Arduino, or tflm with a file for an NPU.",
)
@click.option("--output", metavar="FOLDER", required=True, type=click.Path(path_type=Path), help="Where to.")
@click.option("--data", metavar="SOURCE", help="Data whose first test sample the firmware tests itself with.")
@click.option("--accelerator", metavar="NPU", help=f"What --to ethos-u compiles for.  [default: {_ACCELERATOR}]")
@click.option("--decode", is_flag=True, help="Keep weights coded in flash, for TFLM's operator DECODE; with --to tflm.")
@click.option("--name", default="model", show_default=True, help="Name of the array in C, and of the files.")
@click.option("--force", is_flag=True, help="Replace the files in FOLDER; others stay.")
@plugin_option
@debug_option
def command(
    file: Path,
    target: str,
    output: Path,
    data: str | None,
    accelerator: str | None,
    decode: bool,
    name: str,
    force: bool,
    plugins: tuple[Path, ...],
    debug: bool,
) -> None:
    """Write FILE, a .tflite or a package, as source files for firmware.

    FOLDER gets the model as an array, the scales of inputs and outputs, the size of the tensor arena, and a README.
    For tflm and arduino it also gets code that registers just the operators of the model and runs it, and with --data
    a test that holds outputs against LiteRT's. With --decode, zeros and values that occur often take little flash, and
    memory in place of it. For ethos-u, Arm's compiler vela compiles the file first. A package comes with a decoder in
    C. `compressor header` writes the array alone.
    """
    from compressor.base.sizes import format_size
    from compressor.base.text import counted, did_you_mean, listing
    from compressor.cli.firmware_file import stored_model
    from compressor.models.micro.accelerators import ACCELERATORS
    from compressor.models.micro.firmware_kit import kit_of
    from compressor.models.micro.kit_files import kit_files, left_over

    if accelerator is not None and target != "ethos-u":
        raise click.UsageError(f"--accelerator is for --to ethos-u; leave it out with --to {target}.")
    if decode and target != "tflm":
        raise click.UsageError(f"--decode is for --to tflm; leave it out with --to {target}.")
    accelerator = accelerator or _ACCELERATOR
    if accelerator not in ACCELERATORS:
        raise click.UsageError(f"there is no accelerator '{accelerator}'{did_you_mean(accelerator, ACCELERATORS)}")
    if not any(char.isalnum() for char in name):
        raise click.UsageError("--name needs a letter or a digit.")
    if target == "arduino" and not re.fullmatch(_SKETCH, output.absolute().name):
        what = f"Arduino has no sketch '{output.absolute().name}', as the folder is named"
        raise OutputError(what, "use at most 63 letters, digits, '_', '.' and '-', with no '.' or '-' at its ends")
    stored = stored_model(file)
    kit = kit_of(stored, cast("Target", target), name, accelerator, decode)
    if target in ("tflm", "arduino"):
        _refuse_types(kit)
    if data is not None:
        kit = _with_vector(kit, data, plugins, debug)
    kit_texts = list(kit_files(kit, output.absolute().name))
    rewritten_file = [output / f"{kit.name}.tflite"] if kit.model is not kit.source else []
    _make_folder(output)
    for path in [*(output / file_name for file_name, _ in kit_texts), *rewritten_file]:
        refuse_output(path, force)
    for file_name, parts in kit_texts:
        with written(output / file_name) as temporary, temporary.open("w", newline="\n", encoding="utf-8") as text:
            text.writelines(parts)
    for path in rewritten_file:
        with written(path) as temporary:
            temporary.write_bytes(kit.model)
    say(f"{output}: {counted(len(kit_texts) + len(rewritten_file), 'file')}")
    say(f"  flash   {format_size(len(kit.content))} for {kit.name}")
    if decode:
        say(f"  decode  {_decoded(kit)}")
    say(f"  memory  {format_size(kit.arena_size)} for the tensor arena, with a margin")
    if kit.arena.unplanned_graphs:
        loops = counted(kit.arena.unplanned_graphs, "further graph")
        say(f"          which is without the tensors of {loops}, as loops have them: make it larger")
    if kit.npu is not None:
        say(f"  NPU     {kit.npu.cycles:,} cycles, {format_size(kit.npu.sram_bytes)} of SRAM on {kit.npu.accelerator}")
    if kit.methods:
        names = ", ".join(method.removeprefix("Add") for method in kit.methods)
        say(f"  {counted(len(kit.methods), 'operator')}: {names}")
    made = {path.name for path in rewritten_file} | {file_name for file_name, _ in kit_texts}
    if left := left_over(kit, output, made):
        tell(f"{output} also holds {listing(left)} of an earlier export; remove what the build is not to take")


def _refuse_types(kit: FirmwareKit) -> None:
    from compressor.base.text import listing
    from compressor.devices.fitting import fit
    from compressor.devices.profile_files import microcontroller

    if misses := [miss.text for miss in fit(kit.source, microcontroller()).misses]:
        raise ModelError(listing(misses, _MOST_TOLD), "change the model, or export it with --to c for another runtime")


def _decoded(kit: FirmwareKit) -> str:
    from compressor.base.sizes import format_size
    from compressor.base.text import counted, listing

    if not kit.decoded:
        return "no weights take fewer bytes coded; the model is as it was"
    ways = listing(sorted({tensor.method for tensor in kit.decoded}))
    before, after = (sum(sizes) for sizes in zip(*((t.bytes_before, t.bytes_after) for t in kit.decoded), strict=True))
    layers = counted(len(kit.decoded), "layer")
    return f"weights of {layers} coded by {ways}: {format_size(before)} before, {format_size(after)} now"


def _with_vector(kit: FirmwareKit, data: str, plugins: tuple[Path, ...], debug: bool) -> FirmwareKit:
    from compressor.base.text import listing
    from compressor.cli.command_registry import registry_with
    from compressor.cli.native_output import native_output_dropped
    from compressor.models.micro.allowed_differences import alike
    from compressor.models.micro.sample_vector import sample_vector
    from compressor.run.named_data_and_metrics import find_data

    registry = registry_with(plugins)
    with native_output_dropped(debug):
        features, _ = next(iter(find_data(registry, data).test.batches(1)))
        vector = sample_vector(kit.source, features)
    if names := alike(kit.source, vector.outputs):
        what = f"all numbers of {listing([repr(name) for name in names])} are alike for this sample, but for rounding"
        tell(f"{what}, so that the self-test says little; put another sample first in the data")
    return replace(kit, vector=(vector, f"The first test sample of {data}, and what LiteRT's reference kernels give"))


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"the folder {folder} cannot be made ({error.strerror})", "choose another place") from None
