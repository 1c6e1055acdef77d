"""YAML text to a tree of nodes that know where they stand. The only module that sees YAML.

The language is the JSON part of YAML 1.2: mappings with text keys, lists, text, numbers, true and false, null.
Anchors work; tags, merge keys and several documents in one file do not. Size, depth and the number of values
are bounded, so that no text, however hostile, takes long or much memory.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from compressor.recipe.problems import Origin, Problem, RecipeError, Source

MAX_BYTES = 1_000_000
MAX_DEPTH = 32
MAX_NODES = 20_000

Scalar: TypeAlias = str | int | float | bool | None
Route: TypeAlias = tuple[str | int, ...]

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INT = re.compile(r"[-+]?[0-9]+|0x[0-9a-fA-F]+|0o[0-7]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_SPECIAL = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_WORDS: dict[str, Scalar] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


@dataclass(frozen=True, slots=True)
class Node:
    """A value and the place it came from; `size` counts the values in it, itself included."""

    value: Scalar | tuple[Node, ...] | dict[str, Node]
    origin: Origin | None = field(default=None, compare=False)
    key_origin: Origin | None = field(default=None, compare=False)
    size: int = field(default=1, compare=False)

    def child(self, part: str | int) -> Node | None:
        """The entry under a key or at an index, or None."""
        if isinstance(self.value, dict) and isinstance(part, str):
            return self.value.get(part)
        if isinstance(self.value, tuple) and isinstance(part, int) and 0 <= part < len(self.value):
            return self.value[part]
        return None

    def find(self, path: Route) -> Node | None:
        """The node at `path`, or None."""
        node: Node | None = self
        for part in path:
            node = node.child(part) if node is not None else None
        return node

    def nearest(self, path: Route) -> Node:
        """The node at `path`, or the deepest one on the way there."""
        node = self
        for part in path:
            below = node.child(part)
            if below is None:
                break
            node = below
        return node

    def leaves(self, at: Route = ()) -> Iterator[tuple[Route, Node]]:
        """Every scalar and every empty collection below, with its path."""
        if isinstance(self.value, dict) and self.value:
            for key, below in self.value.items():
                yield from below.leaves((*at, key))
        elif isinstance(self.value, tuple) and self.value:
            for index, below in enumerate(self.value):
                yield from below.leaves((*at, index))
        else:
            yield at, self

    def plain(self) -> Any:
        """The value as dicts, lists and scalars."""
        if isinstance(self.value, dict):
            return {key: below.plain() for key, below in self.value.items()}
        if isinstance(self.value, tuple):
            return [below.plain() for below in self.value]
        return self.value


def mapping(entries: Mapping[str, Node], like: Node | None = None) -> Node:
    """A mapping node of `entries`, standing where `like` stands."""
    origin, key_origin = (like.origin, like.key_origin) if like else (None, None)
    return Node(dict(entries), origin, key_origin, 1 + sum(entry.size for entry in entries.values()))


def sequence(entries: tuple[Node, ...], like: Node | None = None) -> Node:
    """A list node of `entries`, standing where `like` stands."""
    origin, key_origin = (like.origin, like.key_origin) if like else (None, None)
    return Node(entries, origin, key_origin, 1 + sum(entry.size for entry in entries))


def from_data(data: Any) -> Node:
    """A tree for plain Python data; its nodes have no origin."""
    if isinstance(data, Mapping):
        return mapping({str(key): from_data(value) for key, value in data.items()})
    if isinstance(data, list | tuple):
        return sequence(tuple(from_data(value) for value in data))
    return Node(data)


def read(path: Path) -> Node:
    """Read and parse a recipe file.

    Raises:
        RecipeError: it is missing, not a file, too large, not UTF-8, or not the language.
    """
    text = _read_text(path)
    return parse(text, Source(str(path), tuple(text.splitlines()), path.resolve().parent))


def parse(text: str, source: Source) -> Node:
    """Parse one document; the root may be any value.

    Raises:
        RecipeError: the text is not the language.
    """
    try:
        return _Composer(source).document(yaml.parse(text, Loader=_Loader))
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        line = before.count("\n") + 1
        column = error.position - (before.rfind("\n") + 1) + 1
        code = error.character if isinstance(error.character, int) else ord(error.character)
        message = f"the character U+{code:04X} cannot stand in a recipe; remove it, or write it as an escape"
        raise RecipeError([Problem(message, Origin(source, line, column))]) from None
    except yaml.MarkedYAMLError as error:
        raise RecipeError([_syntax_problem(error, text, source)]) from None
    except yaml.YAMLError as error:
        raise RecipeError([Problem(f"not YAML: {error}; mend the text", Origin(source, 1, 1))]) from None


def dump(data: Any) -> str:
    """Plain data as a document of the language."""
    text: str = yaml.safe_dump(data, sort_keys=False, allow_unicode=True)
    return text


def _read_text(path: Path) -> str:
    def refuse(message: str) -> RecipeError:
        return RecipeError([Problem(f"{path}: {message}")])

    try:
        if path.is_dir():
            raise refuse("is a folder; name a recipe file in it")
        if not path.exists():
            raise refuse("no such file; check the path, or list the folder")
        if not path.is_file():
            raise refuse("is not a regular file; name a recipe file")
        with path.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise refuse(f"cannot be read ({error.strerror}); check the path and its permissions") from None
    except ValueError:
        raise refuse("is not a path; check it for odd characters") from None
    if len(raw) > MAX_BYTES:
        raise refuse(f"is larger than {MAX_BYTES:,} bytes; a recipe is a short text, so this is some other file")
    if b"\0" in raw:
        raise refuse("is a binary file; a recipe is YAML text in UTF-8")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise refuse(f"is not UTF-8 text (line {line}); save it as UTF-8") from None


def _syntax_problem(error: yaml.MarkedYAMLError, text: str, source: Source) -> Problem:
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    lines = text.splitlines()
    if line > len(lines) >= 1:
        line, column = len(lines), len(lines[-1]) + 1
    what = " ".join(part for part in (error.context, error.problem) if part)
    shown = lines[line - 1] if lines else ""
    if "\t" in shown[: column + 1]:
        what, remedy = "a tab cannot indent YAML", "indent with spaces"
    else:
        remedy = "mend the YAML here or just above"
    return Problem(f"{what}; {remedy}", Origin(source, line, column))


class _Composer:
    """Builds nodes from parse events, on a stack of its own so that depth cannot overflow Python's."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.anchors: dict[str, Node] = {}
        self.problems: list[Problem] = []

    def document(self, events: Iterator[Any]) -> Node:
        stack: list[_Open] = []
        root: Node | None = None
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent) and root is not None:
                raise RecipeError([Problem("a second document; keep one recipe a file", self._origin(event))])
            if isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
                self._refuse_tag(event)
                if len(stack) >= MAX_DEPTH:
                    message = f"nested more than {MAX_DEPTH} deep; a recipe never needs that"
                    raise RecipeError([Problem(message, self._origin(event))])
                stack.append(_Open(event, isinstance(event, yaml.MappingStartEvent)))
                continue
            if isinstance(event, yaml.ScalarEvent):
                self._refuse_tag(event)
                node = Node(_scalar(event), self._origin(event))
            elif isinstance(event, yaml.AliasEvent):
                node = self._alias(event)
            elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
                opened = stack.pop()
                event, node = opened.start, opened.node(self._origin(opened.start))
            else:
                continue
            self._remember(event, node)
            if stack:
                self._add(stack[-1], node)
            else:
                root = node
        if self.problems:
            raise RecipeError(self.problems)
        return root if root is not None else Node(None, Origin(self.source, 1, 1))

    def _add(self, parent: _Open, node: Node) -> None:
        parent.size += node.size
        if parent.size > MAX_NODES:
            message = f"more than {MAX_NODES:,} values, aliases counted in full; write a smaller recipe"
            raise RecipeError([Problem(message, node.origin)])
        if not parent.is_mapping:
            parent.items.append(node)
        elif parent.key is None:
            if not isinstance(node.value, str | int | float | bool | None):
                raise RecipeError([Problem("a key must be plain text; quote it", node.origin)])
            parent.key = node
        else:
            self._entry(parent, parent.key, node)
            parent.key = None

    def _entry(self, parent: _Open, key: Node, node: Node) -> None:
        name = key.value if isinstance(key.value, str) else _text_of(key)
        if name == "<<":
            message = "merge keys are not part of the recipe language; use 'extends', or repeat the values"
            self.problems.append(Problem(message, key.origin))
        elif name in parent.entries:
            first = parent.entries[name].key_origin
            where = f" (first on line {first.line})" if first else ""
            self.problems.append(Problem(f"'{name}' is given twice{where}; keep one", key.origin))
        else:
            parent.entries[name] = Node(node.value, node.origin, key.origin, node.size)

    def _remember(self, event: Any, node: Node) -> None:
        anchor = getattr(event, "anchor", None)
        if anchor and not isinstance(event, yaml.AliasEvent):
            self.anchors[anchor] = node

    def _alias(self, event: Any) -> Node:
        node = self.anchors.get(event.anchor)
        if node is None:
            message = f"no anchor '{event.anchor}' stands before this; define it first, or quote the text"
            raise RecipeError([Problem(message, self._origin(event))])
        return Node(node.value, self._origin(event), None, node.size)

    def _refuse_tag(self, event: Any) -> None:
        if event.tag is not None and event.tag != "!":
            message = f"the tag '{event.tag[:60]}' is not part of the recipe language; remove it"
            self.problems.append(Problem(message, self._origin(event)))

    def _origin(self, event: Any) -> Origin:
        start, end = event.start_mark, event.end_mark
        width = end.column - start.column if end.line == start.line else 1
        return Origin(self.source, start.line + 1, start.column + 1, max(1, width))


class _Open:
    """A mapping or list whose end has not been seen yet."""

    def __init__(self, start: Any, is_mapping: bool) -> None:
        self.start = start
        self.is_mapping = is_mapping
        self.size = 1
        self.key: Node | None = None
        self.items: list[Node] = []
        self.entries: dict[str, Node] = {}

    def node(self, origin: Origin) -> Node:
        like = Node(None, origin)
        return mapping(self.entries, like) if self.is_mapping else sequence(tuple(self.items), like)


def _scalar(event: Any) -> Scalar:
    text: str = event.value
    if not event.implicit[0]:  # quoted, or a block scalar
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text) and len(text) < 400:  # beyond that Python refuses to convert, rightly
        return int(text, 0) if text[:2] in ("0x", "0o") else int(text)
    if _FLOAT.fullmatch(text) or _SPECIAL.fullmatch(text):
        return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    return text


def _text_of(key: Node) -> str:
    """A key that YAML read as a number or a word, as it was written."""
    if key.origin is None:
        return str(key.value)
    line = key.origin.source.lines[key.origin.line - 1]
    return line[key.origin.column - 1 : key.origin.column - 1 + key.origin.width]
