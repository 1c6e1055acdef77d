"""Writes the section `data` of a recipe, and looks at the labels that are there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from compressor.base.errors import DataError
from compressor.base.named_arrays import Values
from compressor.base.path_or_function import Reference, is_there
from compressor.data.from_source import load_splits
from compressor.data.kinds import files_of, kind_of, readable_files
from compressor.models.files.inputs_and_outputs import Shape
from compressor.planning.named_paths import matches_any
from compressor.planning.registry import Registry
from compressor.planning.source_text import reference
from compressor.scaffolding.recipe_text import yaml_text

Line = tuple[str, str]

_SAMPLES = 512  # whose labels are looked at


class KnownData:
    """Data as a recipe in the working directory would name it, with the options that it needs.

    Attributes:
        options: for `data.with`, each with the reason.
    """

    def __init__(self, source: str, registry: Registry, inputs: tuple[Shape, ...] = ()) -> None:
        """Find the data, and what options it needs.

        Args:
            source: a path, `tfds:NAME`, a function, or the name of a registered data set.
            registry: the installed plugins.
            inputs: the shapes of the model's inputs, where they are known.

        Raises:
            DataError: there is no such data.
        """
        self.source = source
        self.origin = None if registry.is_qualified("data set", source) else reference(source, Path.cwd(), {})
        if self.origin is None and registry.get("data set", source) is None:
            if is_there(Path(source)):
                if kind_of(Reference("path", source)) is not None:
                    raise DataError(f"there is no data set '{source}'", f"write './{source}' for the file or folder")
                raise DataError(f"{source} is not a known kind of data", f"use {readable_files()}")
            hint = registry.hint("data set", source).removeprefix("; ")
            raise DataError(f"there is no data set '{source}'", hint or "check the name")
        self.options: dict[str, tuple[str, str]] = {}
        if self.origin is not None and self.origin.kind == "path":
            if not is_there(Path(self.origin.target)) and not matches_any(self.origin.target):
                raise DataError(f"there is no data at {source}", "check the path")
            self.options = _options(self.origin, inputs)

    def lines(self, source: str) -> list[Line]:
        """The lines of the section, with the source as the recipe's own folder has it."""
        lines = [(f"  source: {yaml_text(source)}", "")]
        if self.options:
            lines.append(("  with:", ""))
            lines += [(f"    {name}: {text}", comment) for name, (text, comment) in self.options.items()]
        return lines

    @property
    def is_looked_into(self) -> bool:
        """Whether `labels` reads the data; features of TFRecord files are not known before they are named."""
        kind = kind_of(self.origin) if self.origin is not None and self.origin.kind == "path" else None
        return kind is not None and kind.name != "TFRecord files"

    def labels(self) -> Values | None:
        """The labels of some training samples, or None: of files alone, since looking at others may take long.

        Raises:
            DataError: the data cannot be read.
        """
        if self.origin is None or not self.is_looked_into:
            return None
        options = {name: _plain(text) for name, (text, _) in self.options.items()}
        splits = load_splits(Reference("path", self.origin.target, options))
        found: Values | None = splits.train.take(_SAMPLES).labels()
        return found


def _options(origin: Reference, inputs: tuple[Shape, ...]) -> dict[str, tuple[str, str]]:
    kind = kind_of(origin)
    shape = inputs[0] if len(inputs) == 1 else ()
    if kind is None:
        return {}
    if kind.any_folder:
        if len(shape) != 3:
            return {}
        color = ("grayscale", "as the model takes them") if shape[2] == 1 else ("rgb", "as the model takes them")
        size = {} if None in shape[:2] else {"size": (f"[{shape[0]}, {shape[1]}]", "height and width of its input")}
        return {**size, "color": color}
    if "label" in kind.Options.model_fields and "features" in kind.Options.model_fields:
        if kind.name == "TFRecord files":
            return _features(shape)
        return _label(origin)
    return {}


def _label(origin: Reference) -> dict[str, tuple[str, str]]:
    """The label of a table: the column that is called so, or else the last one."""
    kind = kind_of(origin)
    assert kind is not None
    if kind.suffixes != (".csv",):
        return {"label": ("label", "the column of the labels")}
    from compressor.data.table_files import CsvTable

    files = files_of(origin.target, kind)
    columns = CsvTable(tuple(files)).names(files[0])
    named = [column for column in columns if column.lower() in ("label", "target", "class", "y")]
    if named:
        return {"label": (yaml_text(named[0]), "the column of the labels")}
    return {"label": (yaml_text(columns[-1] if columns else "label"), "the last column; name the one of the labels")}


def _features(shape: Shape) -> dict[str, tuple[str, str]]:
    sizes = ", ".join(str(size or 1) for size in shape)
    return {
        "features": (
            f"{{input: {{dtype: float32, shape: [{sizes}]}}, label: {{dtype: int64, shape: []}}}}",
            "as your records have them",
        ),
        "inputs": ("[input]", "what the model gets"),
        "label": ("label", ""),
    }


def _plain(text: str) -> Any:
    from compressor.recipe.document import RecipeText

    return RecipeText("option", text).tree().plain()
