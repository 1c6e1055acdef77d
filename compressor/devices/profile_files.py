"""Reads device profiles: YAML files, checked as recipes are."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path

from pydantic import ValidationError

from compressor.base.text import did_you_mean, quoted
from compressor.contracts.device_profile import Device, DeviceProfile, KernelList
from compressor.models.litert.format.tensor_types import TensorType
from compressor.models.micro.accelerators import ACCELERATORS
from compressor.recipe.document import Node, mapping, read
from compressor.recipe.load import validate_as_json
from compressor.recipe.problems import Problem, RecipeError
from compressor.recipe.pydantic_messages import problems_of
from compressor.recipe.tree import Route, folder_of

SUFFIXES = (".yaml", ".yml")
_EXTENDS = "extends"
_MOST_LINKS = 8  # profiles that extend one another


class ProfileError(RecipeError):
    """A profile with mistakes; carries every problem found."""

    def __init__(self, problems: Iterator[Problem] | list[Problem] | tuple[Problem, ...]) -> None:
        super().__init__(problems)
        self.remedy = "fix the profile"


def shipped_files() -> dict[str, Path]:
    """The profiles that ship with the tool, by name."""
    return _files_in("profiles")


def kernel_lists() -> list[str]:
    """The names of the lists of kernels."""
    return sorted(_files_in("kernels"))


def microcontroller() -> Device:
    """Any device that LiteRT for Microcontrollers runs on, with its reference kernels and no end of memory."""
    profile = DeviceProfile(name="tflite-micro", runtime="tflm", kernels="tflm")
    return Device(profile, _kernels("tflm").operators)


def is_file_name(text: str) -> bool:
    """Whether a text names a profile's file, and no profile."""
    return text.endswith(SUFFIXES) or "/" in text or "\\" in text


def device_in(path: Path, known: Mapping[str, Path]) -> Device:
    """The device that a file describes.

    Args:
        path: the file.
        known: the profiles that it may extend by name.

    Raises:
        ProfileError: with every mistake in it.
    """
    try:
        return _device(_read(path, known, ()), path.stem)
    except ProfileError:
        raise
    except RecipeError as error:
        raise ProfileError(error.problems) from None


def _read(path: Path, known: Mapping[str, Path], within: tuple[Path, ...]) -> Node:
    """The file's tree, with what it takes from the one that it extends."""
    tree = read(path)
    if not isinstance(tree.value, dict):
        raise ProfileError(
            [Problem("a profile is a mapping of keys to values; start it with 'runtime: tflm'", tree.origin)]
        )
    link = tree.value.get(_EXTENDS)
    if link is None:
        return tree
    own = {key: node for key, node in tree.value.items() if key != _EXTENDS}
    name = link.value
    if not isinstance(name, str):
        raise ProfileError([Problem("'extends' takes the name or the path of a profile", link.origin)])
    start = folder_of(link) / name if is_file_name(name) else known.get(name)
    if start is None:
        message = f"there is no device {quoted(name)}{did_you_mean(name, known)}"
        raise ProfileError([Problem(message, link.origin)])
    if len(within) > _MOST_LINKS:
        raise ProfileError([Problem("the profiles extend one another in a circle; remove one 'extends'", link.origin)])
    base = _read(start, known, (*within, path))
    inherited = {
        key: node for key, node in (base.value if isinstance(base.value, dict) else {}).items() if key != "name"
    }
    return mapping({**inherited, **own}, like=tree)


def _device(tree: Node, stem: str) -> Device:
    if isinstance(tree.value, dict) and "name" not in tree.value:
        tree = mapping({**tree.value, "name": Node(stem)}, like=tree)
    try:
        profile: DeviceProfile = validate_as_json(DeviceProfile, tree)
    except ValidationError as error:
        raise ProfileError([problem for _, problem in problems_of(error, DeviceProfile, tree)]) from None
    if problems := list(_misfits(profile, tree)):
        raise ProfileError(problems)
    own = _kernels(profile.kernels).operators if profile.kernels else {}
    fallback = _kernels(profile.fallback).operators if profile.fallback else None
    return Device(profile, {**own, **profile.operators}, fallback, dict(_sources(profile)))


def _misfits(profile: DeviceProfile, tree: Node) -> Iterator[Problem]:
    for key in ("kernels", "fallback"):
        name = getattr(profile, key)
        if name is not None and name not in kernel_lists():
            yield Problem(
                f"there is no list of kernels {quoted(name)}{did_you_mean(name, kernel_lists())}",
                tree.nearest((key,)).origin,
            )
    yield from _unknown_types(profile, tree)
    if not profile.kernels and not profile.operators:
        message = "the profile says nothing of operators; add 'kernels', such as 'kernels: tflm', or 'operators'"
        yield Problem(message, tree.origin)
    if profile.ram is not None and profile.runtime != "tflm":
        message = "'ram' holds the arena of the runtime 'tflm', and nothing is known of another one's; remove it"
        yield Problem(message, tree.nearest(("ram",)).key_origin)
    if profile.accelerator is not None and profile.accelerator not in ACCELERATORS:
        message = (
            f"there is no accelerator {quoted(profile.accelerator)}{did_you_mean(profile.accelerator, ACCELERATORS)}"
        )
        yield Problem(message, tree.nearest(("accelerator",)).origin)


def _unknown_types(profile: DeviceProfile, tree: Node) -> Iterator[Problem]:
    known = [*(type_.dtype for type_ in TensorType), "text"]
    lists: list[tuple[Route, list[str]]] = [
        (("operators", name, "types"), kernels.types) for name, kernels in profile.operators.items()
    ]
    if profile.endpoints is not None:
        lists.append((("endpoints", "types"), profile.endpoints.types))
    for route, texts in lists:
        for index, text in enumerate(texts):
            for type_ in re.split(" (?:x|->) ", text):
                if type_ not in known:
                    message = f"there is no type {quoted(type_)}{did_you_mean(type_, known)}"
                    yield Problem(message, tree.nearest((*route, index)).origin)


def _sources(profile: DeviceProfile) -> Iterator[tuple[str, str]]:
    for key, name in (("flash", "flash"), ("ram", "ram"), ("runtime_code", "runtime code"), ("alignment", "alignment"),
                      ("float_", "float"), ("endpoints", "endpoints")):  # fmt: skip
        figure = getattr(profile, key)
        if figure is not None:
            yield name, figure.source
    for key in ("kernels", "fallback"):
        if name := getattr(profile, key):
            yield key, _kernels(name).source


@cache
def _kernels(name: str) -> KernelList:
    tree = read(_files_in("kernels")[name])
    made: KernelList = KernelList.model_validate_json(json.dumps(tree.plain()))
    return made


@cache
def _files_in(folder: str) -> dict[str, Path]:
    parent = Path(str(files("compressor.devices"))) / folder
    return {path.stem: path for path in sorted(parent.glob("*.yaml"))}
