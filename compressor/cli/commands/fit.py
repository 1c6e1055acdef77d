"""`compressor fit`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from compressor.base.errors import ExitCode, ModelError
from compressor.base.standard_output import say_json
from compressor.cli.options import json_option, plugin_option, traceback_option
from compressor.cli.own_command import OwnCommand

if TYPE_CHECKING:
    from compressor.contracts.device_profile import Device


@click.command("fit", cls=OwnCommand)
@click.argument("file", metavar="FILE|RUN", type=click.Path(path_type=Path), required=False)
@click.option(
    "--target", "targets", metavar="DEVICE", multiple=True, help="A device, or its YAML file. May be repeated."
)
@click.option("--list", "show_list", is_flag=True, help="Show the devices, their figures, and where these are from.")
@plugin_option
@json_option
@traceback_option
def command(
    file: Path | None, targets: tuple[str, ...], show_list: bool, plugins: tuple[Path, ...], as_json: bool
) -> int:
    """Show whether FILE, a .tflite, a package or the model of a RUN's folder, fits a device.

    Flash, the memory of tensors, and each operator in its version and types are held against the device's profile. The
    exit code is 0 if it fits every target, and 3 if it does not.
    """
    from compressor.cli.command_registry import registry_with
    from compressor.planning.device_targets import device_named, profile_files

    known = profile_files(registry_with(plugins))
    if show_list:
        names = targets or tuple(sorted(known))
    elif file is None:
        raise click.UsageError("name a file to hold against a device, or give --list")
    elif not targets:
        raise click.UsageError(f"give a --target; the devices are {', '.join(sorted(known))}")
    else:
        names = targets
    try:
        devices = [device_named(name, Path.cwd(), known) for name in dict.fromkeys(names)]
    except LookupError as error:
        raise click.UsageError(str(error)) from None
    if show_list:
        _list(devices, as_json)
        return ExitCode.DONE
    assert file is not None
    return _held_against(_content(file), devices, as_json)


def _content(path: Path) -> bytes:
    from compressor.base.file_limits import content_of, refuse_special
    from compressor.models.litert.format.flatbuffer import IDENTIFIER
    from compressor.models.packing.package import is_package
    from compressor.run.run_folder import RESULTS

    if path.is_dir():
        found = [path / name for name in reversed(RESULTS) if (path / name).is_file()]
        if not found:
            raise ModelError(f"{path} is no folder of a run that is done", "give one that holds model.tflite")
        path = found[0]
    refuse_special(path)
    if not path.is_file():
        raise ModelError(f"there is no file {path}", "check the path")
    stored = content_of(path)
    if not (is_package(stored) or stored[4:8] == IDENTIFIER):
        raise ModelError(f"{path} is neither a .tflite file nor a package", "give a model file that a run wrote")
    return stored


def _held_against(content: bytes, devices: list[Device], as_json: bool) -> int:
    from compressor.devices.fitting import fit
    from compressor.devices.npu import npu_figures
    from compressor.report.device_rows import row_of
    from compressor.report.fit_tables import print_fit
    from compressor.report.screen import Screen

    found = [(fit(content, device), npu_figures(content, device)) for device in devices]
    if as_json:
        say_json([{**row_of(one).model_dump(mode="json"), "npu": npu.as_data} for one, npu in found])
    else:
        screen = Screen()
        for one, npu in found:
            print_fit(row_of(one), npu.text, screen)
    return ExitCode.DONE if all(one.fits for one, _ in found) else ExitCode.CONSTRAINT


def _list(devices: list[Device], as_json: bool) -> None:
    from compressor.report.fit_tables import print_device
    from compressor.report.screen import Screen

    if as_json:
        say_json([_data(device) for device in devices])
        return
    screen = Screen()
    for device in devices:
        print_device(device, screen)


def _data(device: Device) -> dict[str, Any]:
    plain = device.profile.model_dump(mode="json", by_alias=True, exclude={"operators"})
    return {
        **plain,
        "sources": dict(device.sources),
        "operators": _operators(device.kernels),
        "fallback_operators": None if device.fallback is None else _operators(device.fallback),
    }


def _operators(kernels: Any) -> dict[str, Any]:
    return {name: each.model_dump(mode="json") for name, each in sorted(kernels.items())}
