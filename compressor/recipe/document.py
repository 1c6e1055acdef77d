"""Parses YAML text into a tree, and writes plain data as YAML; only this module and those it calls handle YAML."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from compressor.base.path_or_function import real_path
from compressor.recipe.files import read_text
from compressor.recipe.problems import Origin, Problem, RecipeError, Source
from compressor.recipe.syntax import refuse_unreadable, syntax_problem
from compressor.recipe.tree import Node, Route, from_data, mapping, sequence
from compressor.recipe.yaml_composer import Composer, scalar

__all__ = ["Node", "RecipeText", "Route", "dump", "from_data", "mapping", "parse", "read", "sequence"]

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # PyYAML may be built without libyaml; that is only slower


@dataclass(frozen=True)
class RecipeText:
    """A recipe that is no file, such as one that was piped in. `name` is what messages call it.

    Its relative paths start from the working directory.
    """

    name: str
    text: str

    def tree(self, problems: list[Problem] | None = None) -> Node:
        """Parse it, as `parse` does."""
        return parse(self.text, Source(self.name, tuple(self.text.splitlines()), Path.cwd()), problems)


def read(path: Path, problems: list[Problem] | None = None, link: Origin | None = None) -> Node:
    """Read and parse a recipe file.

    Args:
        path: the file.
        problems: as for `parse`.
        link: where another recipe names the file; shown in the error if the file cannot be read.

    Raises:
        RecipeError: it is missing, not a file, too large, not UTF-8, or not valid in the recipe language.
    """
    text = read_text(path, link)
    return parse(text, Source(str(path), tuple(text.splitlines()), real_path(path).parent), problems)


def parse(text: str, source: Source, problems: list[Problem] | None = None) -> Node:
    """Parse one document, whose root may be any value.

    The recipe language is the JSON subset of YAML 1.2: mappings with text keys, lists, text, numbers, true, false and
    null. Anchors work; tags, merge keys and several documents in one file do not. Size, depth and the number of values
    are limited, so that no text, however hostile, takes much time or memory.

    Args:
        text: the document.
        source: where it comes from.
        problems: collects the problems after which parsing can go on; without it, these are raised as well.

    Raises:
        RecipeError: the text is not valid in the recipe language.
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
    """Write plain data as a document in the recipe language."""
    text: str = yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True)
    return text


class _Dumper(yaml.SafeDumper):
    """Quotes text that would be read as another type in YAML 1.2, such as `1e-3`, and not only in YAML 1.1.

    Hidden characters are escaped, because PyYAML would write some of them so that they are read back as spaces.
    """

    def represent_text(self, text: str) -> yaml.ScalarNode:
        hidden = not text.replace("\n", "").isprintable()
        style = '"' if hidden else None if isinstance(scalar(text), str) else "'"
        return self.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _Dumper.represent_text)
