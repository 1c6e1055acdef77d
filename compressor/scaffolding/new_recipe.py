"""Writes a recipe for a model and data, from a look at the model or from that of a family."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path

from compressor.base.errors import CompressorError, DataError
from compressor.base.import_path import module_part, names_file
from compressor.base.path_or_function import Reference
from compressor.devices.profile_files import is_file_name
from compressor.planning.device_targets import device_named, profile_files
from compressor.planning.planner import check
from compressor.planning.plugin_checks import Kind
from compressor.planning.registry import Registry
from compressor.planning.source_text import reference
from compressor.recipe.problems import RecipeError
from compressor.scaffolding.compression_space import CompressionSpace, Wanted, space_for
from compressor.scaffolding.data_lines import KnownData, Line
from compressor.scaffolding.families import family_recipe
from compressor.scaffolding.known_model import KnownModel, look_at, origin_of
from compressor.scaffolding.learning_choices import Learning, learning_of
from compressor.scaffolding.recipe_choices import Limits, Steps, UsageError, steps_for
from compressor.scaffolding.recipe_draft import TRAINED_FIRST, draft
from compressor.scaffolding.recipe_text import laid_out, yaml_text

_TOOL = "compressor"


@dataclass(frozen=True)
class NewRecipe:
    """The text of a recipe, and what its author should know: the steps that were chosen, and a warning."""

    text: str
    steps: Steps


def recipe_for(model: str, data: str, folder: Path, limits: Limits, trusted: bool = False) -> NewRecipe:
    """A recipe for a model, by its layers, outputs and labels.

    Args:
        model: as a recipe in the working directory would name it.
        data: likewise.
        folder: that the recipe is for, which its paths start from.
        limits: what it is to keep to.
        trusted: the user vouches for the model's file, so code in it may run.

    Raises:
        CompressorError: the model or the data is not there, or cannot be used.
    """
    registry = Registry.installed()
    KnownData(data, registry)  # that it is there, before the model takes seconds to load
    known = look_at(model, registry, trusted)
    source = KnownData(data, registry, tuple(known.ends.inputs.values()))
    learning, steps = learning_of(known.ends, source.labels()), steps_for(known, limits.max_bytes)
    lines = source.lines(_from_folder(data, registry, folder))
    text = draft(known, _from_folder(model, registry, folder, "model"), lines, learning, steps, limits)
    return NewRecipe(_with_requirements(text, registry, model, data), steps)


def recipe_name(model: str) -> str:
    """A name for a recipe, by the model that it is for."""
    stem = Path(model.rpartition(":")[2] or model).stem
    return re.sub(r"[^A-Za-z0-9_-]+", "-", stem).strip("-_")[:60] or "model"


def space_of_model(
    model: str, data: str, wanted: Wanted, name: str, trusted: bool = False
) -> tuple[KnownModel, Learning, CompressionSpace]:
    """Look at a model and its data, and write the open recipe for it, with absolute paths.

    Args:
        model: as a recipe in the working directory would name it.
        data: likewise.
        wanted: the limits.
        name: of the recipe.
        trusted: the user vouches for the model's file, so code in it may run.

    Raises:
        CompressorError: the model or the data is not there, or cannot be used.
    """
    registry = Registry.installed()
    wanted = _with_device(wanted, registry)
    KnownData(data, registry)  # that it is there, before the model takes seconds to load
    known = look_at(model, registry, trusted)
    source = KnownData(data, registry, tuple(known.ends.inputs.values()))
    labels = source.labels()
    learning = learning_of(known.ends, labels)
    if labels is None and source.is_looked_into and not learning.targets_inputs:
        remedy = "name them as docs/data.md has it, or write a recipe that does: compressor new recipe"
        raise DataError(f"{data} has no labels that are found by their names", remedy)
    lines = source.lines(_from_folder(data, registry, None))
    space = space_for(known, _from_folder(model, registry, None, "model"), lines, learning, wanted, name)
    return known, learning, space


def _with_device(wanted: Wanted, registry: Registry) -> Wanted:
    """The limits with what is known of the device that they name.

    Raises:
        UsageError: there is no such device.
    """
    if wanted.target is None:
        return wanted
    try:
        device = device_named(wanted.target, Path.cwd(), profile_files(registry))
    except LookupError as error:
        raise UsageError(f"--target: {error}; compressor fit --list shows those that there are") from None
    target = str(Path(wanted.target).expanduser().absolute()) if is_file_name(wanted.target) else wanted.target
    return replace(wanted, target=target, integers_only=not device.float_runs)


def recipe_of(family: str, model: str | None, data: str | None, folder: Path, limits: Limits) -> NewRecipe:
    """The recipe of a family, with a model, data and limits of one's own where they are given.

    Raises:
        CompressorError: there is no such family, or the data is not there.
    """
    registry = Registry.installed()
    about_model = [] if model is None else _model_lines(model, registry, folder)
    about_data = [] if data is None else KnownData(data, registry).lines(_from_folder(data, registry, folder))
    text = family_recipe(family, _text_lines(about_model), _text_lines(about_data), limits)
    return NewRecipe(_with_requirements(text, registry, model, data), Steps(()))


def check_recipe(path: Path, name: Path) -> None:
    """Check a recipe that was written, as `validate` does; messages call it by its name to be.

    Raises:
        RecipeError: with every problem.
    """
    try:
        check(path)
    except RecipeError as error:
        raise CompressorError(str(error).replace(str(path), str(name)), "choose another family, or options") from None


def _text_lines(lines: list[Line]) -> list[str]:
    return laid_out(lines).rstrip().split("\n") if lines else []


def _model_lines(model: str, registry: Registry, folder: Path) -> list[Line]:
    registered = origin_of(model, registry) is None
    lines = [(f"  source: {yaml_text(_from_folder(model, registry, folder, 'model'))}", "")]
    entry = registry.get("model", model) if registered else None
    return lines if entry is None or entry.cls.trained else [*lines, TRAINED_FIRST]


def _with_requirements(text: str, registry: Registry, model: str | None, data: str | None) -> str:
    """The recipe with the distributions whose model or data it names, as `validate --strict` asks for."""
    sources: tuple[tuple[Kind, str | None], ...] = (("model", model), ("data set", data))
    entries = [registry.get(kind, source) for kind, source in sources if source]
    providers = {entry.provider.distribution: entry.provider.version for entry in entries if entry}
    needed = [f'  {yaml_text(name)}: ">={version}"' for name, version in providers.items() if name != _TOOL]
    return text.replace("\n\nmodel:\n", "\n".join(["\nrequires:", *needed, "\nmodel:\n"]), 1) if needed else text


def _from_folder(source: str, registry: Registry, folder: Path | None, kind: str = "data set") -> str:
    """A source, with a path that starts from the folder in place of the working directory; without one, absolute."""
    qualified = registry.is_qualified("model" if kind == "model" else "data set", source)
    origin: Reference | None = None if qualified else reference(source, Path.cwd(), {})
    if names_file(source) and not qualified:
        file = module_part(source)
        return source.replace(file, _relative(file, folder), 1)
    return _relative(source, folder) if origin is not None and origin.kind == "path" else source


def _relative(path: str, folder: Path | None) -> str:
    plain = Path(path).expanduser()
    if folder is None:
        return str(plain.absolute())
    if plain.is_absolute():
        return path
    relative = Path(os.path.relpath(plain.absolute(), folder.absolute())).as_posix()
    return relative if "/" in relative else f"./{relative}"
