"""YAML text to a tree, and back. Outside this module and the ones it calls, nobody sees YAML.

The language is the JSON part of YAML 1.2: mappings with text keys, lists, text, numbers, true and false, null.
Anchors work; tags, merge keys and several documents in one file do not. Size, depth and the number of values
are bounded, so that no text, however hostile, takes long or much memory.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from compressor.recipe.files import read_text
from compressor.recipe.problems import Origin, Problem, RecipeError, Source
from compressor.recipe.syntax import refuse_unreadable, syntax_problem
from compressor.recipe.tree import Node, Route, from_data, mapping, sequence
from compressor.recipe.yaml_tree import Composer, scalar

__all__ = ["Node", "Route", "dump", "from_data", "mapping", "parse", "read", "sequence"]

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # PyYAML may be built without libyaml; that is only slower


def read(path: Path, problems: list[Problem] | None = None, link: Origin | None = None) -> Node:
    """Read and parse a recipe file.

    Args:
        path: the file.
        problems: as for `parse`.
        link: where another recipe names the file, to show where it cannot be read.

    Raises:
        RecipeError: it is missing, not a file, too large, not UTF-8, or not the language.
    """
    text = read_text(path, link)
    return parse(text, Source(str(path), tuple(text.splitlines()), path.resolve().parent), problems)


def parse(text: str, source: Source, problems: list[Problem] | None = None) -> Node:
    """Parse one document; the root may be any value.

    Args:
        text: the document.
        source: where it comes from.
        problems: takes those that leave a tree to go on with; without it, they are raised as well.

    Raises:
        RecipeError: the text is not the language.
    """
    composer = Composer(source)
    try:
        refuse_unreadable(text, source)
        tree = composer.compose(yaml.parse(text, Loader=_Loader))
    except RecipeError as error:
        raise RecipeError((*composer.problems, *error.problems)) from None
    except yaml.YAMLError as error:
        raise RecipeError((*composer.problems, syntax_problem(error, source))) from None
    if problems is not None:
        problems += composer.problems
    elif composer.problems:
        raise RecipeError(composer.problems)
    return tree


def dump(data: Any) -> str:
    """Plain data as a document of the language."""
    text: str = yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True)
    return text


class _Dumper(yaml.SafeDumper):
    """Quotes what only YAML 1.2 reads as something else than text, such as `1e-3`, as well as what YAML 1.1 does.

    Hidden characters are escaped: unescaped, PyYAML writes some of them so that they come back as spaces.
    """

    def represent_text(self, text: str) -> yaml.ScalarNode:
        hidden = not text.replace("\n", "").isprintable()
        style = '"' if hidden else None if isinstance(scalar(text), str) else "'"
        return self.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _Dumper.represent_text)
