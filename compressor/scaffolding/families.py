"""Recipes for families of models, to start from: they ship with the tool, as files in `recipes/families/`."""

from __future__ import annotations

import re
from collections.abc import Sequence

from compressor.base.text import did_you_mean
from compressor.recipe import shipped
from compressor.scaffolding.recipe_choices import Limits, UsageError

_DROP = re.compile(r"^(  max_(?:accuracy|relative)_drop: )\S+", re.MULTILINE)


def names() -> list[str]:
    """The families, sorted."""
    return sorted(path.stem for path in (shipped.folder() / "families").glob("*.yaml"))


def family_recipe(name: str, model: Sequence[str], data: Sequence[str], limits: Limits) -> str:
    """The text of a family's recipe, with a model, data and limits of one's own where they are given.

    Args:
        name: the family.
        model: the lines of the section `model`; none to leave them.
        data: those of the section `data` that say where it is; none to leave them.
        limits: what the recipe is to keep to.

    Raises:
        UsageError: there is no such family.
    """
    if name not in names():
        raise UsageError(f"there is no family '{name}'{did_you_mean(name, names())}")
    text = (shipped.folder() / "families" / f"{name}.yaml").read_text(encoding="utf-8")
    text = re.sub(r"^# yaml-language-server:.*\n", "", text)  # the schema is not beside the copy
    text = _with_section(_with_section(text, "model", model), "data", data)
    if limits.max_drop is not None:
        text = _DROP.sub(rf"\g<1>{limits.max_drop:g}", text)
    if limits.max_size is not None:
        text = f"{text.rstrip()}\n  max_size: {limits.max_size}\n"
    return text


def _with_section(text: str, key: str, lines: Sequence[str]) -> str:
    """The recipe with these lines in place of what a section says of its source."""
    if not lines:
        return text
    section = "\n".join([f"{key}:", *lines, ""])
    return re.sub(rf"^{key}:\n(?:  (?:source|with): .*\n)+", lambda _: section, text, count=1, flags=re.MULTILINE)
