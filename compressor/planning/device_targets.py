"""Finds the device that a recipe or a command names, and refuses a chain of steps that can be known not to fit it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from compressor.base.errors import PluginError
from compressor.base.path_or_function import Reference, path_in
from compressor.base.plugin_errors import fenced
from compressor.base.text import did_you_mean, quoted
from compressor.contracts.device_profile import Device
from compressor.contracts.execution_plan import PlannedStep
from compressor.contracts.model_state import ModelState
from compressor.devices.profile_files import device_in, is_file_name, shipped_files
from compressor.models.files.stored_layers import stored_layers
from compressor.planning.registry import Registry
from compressor.recipe.problems import Problem, RecipeError
from compressor.recipe.sections import Recipe
from compressor.recipe.tree import folder_of

_WEIGHTS_ALONE = ("dynamic", "float16", "int4", "int2")  # values of a parameter 'precision'
_IN_FLOAT = ("float32", "dynamic")  # values of a parameter 'activations'
_OPERATOR_OF = {"Conv3D": "CONV_3D", "Conv3DTranspose": "CONV_3D_TRANSPOSE"}  # layers that become it without exception


def profile_files(registry: Registry) -> dict[str, Path]:
    """The profiles that ship with the tool and those that plugins bring, by name; the tool's own have precedence.

    Raises:
        PluginError: a plugin's hook fails, or brings something else than paths of YAML files.
    """
    found: dict[str, Path] = {}
    for call in registry.manager.hook.devices.get_hookimpls():
        who = f"the hook 'devices' of {registry.providers[call.plugin_name]}"
        with fenced(who, PluginError):
            paths = call.function()
        if not isinstance(paths, list | tuple) or not all(isinstance(path, str | Path) for path in paths):
            raise PluginError(f"{who} returned something else than paths", "return a list of paths of YAML files")
        found |= {Path(path).stem: Path(path) for path in paths}
    return found | shipped_files()


def device_named(text: str, folder: Path, known: Mapping[str, Path]) -> Device:
    """The device of a name or of a profile's file.

    Args:
        text: the name, or the path of a file.
        folder: where a relative path starts.
        known: the profiles by name.

    Raises:
        LookupError: there is none of this name; the message says which one may be meant.
        RecipeError: the profile has mistakes.
    """
    if text in known:
        return device_in(known[text], known)
    if is_file_name(text):
        return device_in(path_in(folder, text), known)
    raise LookupError(f"there is no device {quoted(text)}{did_you_mean(text, known)}")


def target_of(recipe: Recipe, registry: Registry) -> tuple[Device | None, tuple[Problem, ...]]:
    """The device that a recipe names, and what is wrong with it; None without one.

    Raises:
        PluginError: a plugin's hook fails.
    """
    if recipe.target is None:
        return None, ()
    node = recipe.tree.find(("target",))
    try:
        return device_named(recipe.target, folder_of(node), profile_files(registry)), ()
    except LookupError as error:
        return None, (Problem(str(error), node.origin if node else None),)
    except RecipeError as error:
        return None, error.problems


def device_problems(
    recipe: Recipe, device: Device, model: object, steps: Sequence[PlannedStep], start: ModelState
) -> Iterator[Problem]:
    """What can be known of a chain of steps not to fit the device, before anything runs.

    Args:
        recipe: the recipe.
        device: its target.
        model: its model.
        steps: its steps, all of them.
        start: the model's state before the first one.
    """
    place = recipe.tree.nearest(("target",)).origin
    last = steps[-1].after if steps else start
    if not device.float_runs and _stays_float(steps, start):
        what = f"the last stage computes in float, which '{device.name}' does not run"
        yield Problem(f"{what}; add 'ptq' with 'precision: int8' to the steps, or take another target", place)
    elif not device.float_runs:
        yield from _float_precisions(recipe, device, steps)
    if last.format == "package" and steps:
        from compressor.models.packing.coders import FOR_DEVICES  # which brings all coders

        coder = getattr(steps[-1].strategy.params, "coder", None)
        if isinstance(coder, str) and coder not in ("device", *FOR_DEVICES):
            message = f"'{device.name}' may not be able to unpack what the coder '{coder}' packs; write 'coder: device'"
            yield Problem(message, recipe.tree.nearest((*steps[-1].route, "coder")).origin or place)
    if isinstance(model, Reference) and model.kind == "path" and model.target.endswith(".keras"):
        for name, kind in stored_layers(Path(model.target)):
            operator = _OPERATOR_OF.get(kind)
            if operator and operator not in device.kernels and operator not in (device.fallback or {}):
                message = f"the layer '{name}' ({kind}) needs {operator}, for which '{device.name}' has no kernel"
                yield Problem(f"{message}; replace the layer, or take another target", place)


def _float_precisions(recipe: Recipe, device: Device, steps: Sequence[PlannedStep]) -> Iterator[Problem]:
    """Steps that quantize weights alone, after which the file computes in float."""
    for step in steps:
        params = step.strategy.params
        activations, precision = (getattr(params, name, None) for name in ("activations", "precision"))
        key = "activations" if activations in _IN_FLOAT else "precision"
        in_float = activations in _IN_FLOAT or (activations is None and precision in _WEIGHTS_ALONE)
        if in_float and step.after.format == "litert":
            what = f"'{getattr(params, key)}' computes in float, which '{device.name}' does not run"
            yield Problem(f"{what}; write '{key}: int8'", recipe.tree.nearest((*step.route, key)).origin)


def _stays_float(steps: Sequence[PlannedStep], start: ModelState) -> bool:
    """Whether the last stage is known to compute in float; a file that the user brings may be quantized already."""
    last = steps[-1].after if steps else start
    quantized = not last.traits.isdisjoint({"quantized", "quantization_aware"})
    return start.format == "keras" and not quantized
