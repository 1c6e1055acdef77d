"""Builds a tree of nodes, each with its position, from the events of the YAML parser."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import yaml

from compressor.base.text import quoted
from compressor.recipe.problems import Origin, Problem, RecipeError, Source
from compressor.recipe.tree import MAX_DEPTH, Node, Scalar, mapping, sequence

MAX_NODES = 20_000
_MAX_DIGITS = 400  # more than any float has, and Python refuses to convert thousands of digits

_INT = re.compile(r"[-+]?[0-9]+|0x[0-9a-fA-F]+|0o[0-7]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_SPECIAL = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_WORDS: dict[str, Scalar] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


def scalar(text: str) -> Scalar:
    """The value of a plain, unquoted text by the core schema of YAML 1.2 (section 10.3.2)."""
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text) and len(text) <= _MAX_DIGITS:
        return int(text, 0) if text[:2] in ("0x", "0o") else int(text)
    if _FLOAT.fullmatch(text) or _SPECIAL.fullmatch(text):
        return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    return text


class Composer:
    """Builds nodes on its own stack, so that deep nesting cannot overflow Python's.

    `problems` collects the problems after which parsing can go on; all others are raised.
    """

    def __init__(self, source: Source) -> None:
        self.problems: list[Problem] = []
        self._source = source
        self._anchors: dict[str, Node] = {}
        self._stack: list[_Open] = []
        self._root: Node | None = None

    def compose(self, events: Iterator[Any]) -> Node:
        """Build the tree of one document from its events.

        Raises:
            RecipeError: the document is not valid in the recipe language, or exceeds its limits.
        """
        for event in events:
            if isinstance(event, yaml.CollectionStartEvent):
                self._open(event)
            elif isinstance(event, yaml.CollectionEndEvent):
                opened = self._stack.pop()
                self._add(opened.event, opened.node())
            elif isinstance(event, yaml.ScalarEvent):
                self._refuse_tag(event)
                self._add(event, Node(self._value(event), self._origin(event)))
            elif isinstance(event, yaml.AliasEvent):
                self._add(event, self._alias(event))
            elif isinstance(event, yaml.DocumentStartEvent) and self._root is not None:
                raise self._refusal("a second document; keep one recipe per file", event)
        return self._root if self._root is not None else Node(None, Origin(self._source, 1, 1))

    def _open(self, event: Any) -> None:
        self._refuse_tag(event)
        if self._stack and self._stack[-1].awaits_key:
            raise self._refusal("a key must be plain text; quote it", event)
        if len(self._stack) >= MAX_DEPTH:
            raise self._refusal(f"nested more than {MAX_DEPTH} deep; flatten it", event)
        self._stack.append(_Open(event, self._origin(event)))

    def _value(self, event: Any) -> Scalar:
        if not event.implicit[0]:  # quoted, or a block of text
            return str(event.value)
        value = scalar(event.value)
        if isinstance(value, float) and math.isinf(value) and not _SPECIAL.fullmatch(event.value):
            raise self._refusal("this number is too large; write a smaller one", event)
        return value

    def _alias(self, event: Any) -> Node:
        node = self._anchors.get(event.anchor)
        if node is None:
            message = f"there is no anchor {quoted(event.anchor)} before this; define it first, or quote the text"
            raise self._refusal(message, event)
        if self._stack and self._stack[-1].awaits_key:
            raise self._refusal("a key must be plain text; quote it", event)
        return replace(node, origin=self._origin(event), key_origin=None)

    def _add(self, event: Any, node: Node) -> None:
        if event.anchor and not isinstance(event, yaml.AliasEvent):
            self._anchors[event.anchor] = node
        if not self._stack:
            self._root = node
            return
        parent = self._stack[-1]
        if parent.awaits_key:
            parent.key = _Key(event.value, node.origin, accepted=self._accept_key(parent, event))
            return
        parent.size += node.size
        if parent.size > MAX_NODES:
            message = f"more than {MAX_NODES:,} values, aliases counted in full; write a smaller recipe"
            raise self._refusal(message, event)
        if len(self._stack) + node.depth > MAX_DEPTH:
            raise self._refusal(f"nested more than {MAX_DEPTH} deep, aliases counted in full; flatten it", event)
        parent.add(node)

    def _accept_key(self, parent: _Open, event: Any) -> bool:
        name: str = event.value
        if name == "<<" and event.implicit[0]:
            message = "merge keys are not part of the recipe language; use 'extends', or repeat the values"
        elif name in parent.entries:
            first = parent.entries[name].key_origin
            where = f" (first on line {first.line})" if first else ""
            message = f"{quoted(name)} is given twice{where}; keep one"
        else:
            return True
        self.problems.append(Problem(message, self._origin(event)))
        return False

    def _refuse_tag(self, event: Any) -> None:
        if event.tag is not None:
            message = f"the tag {quoted(event.tag)} is not part of the recipe language; remove it"
            self.problems.append(Problem(message, self._origin(event)))

    def _refusal(self, message: str, event: Any) -> RecipeError:
        return RecipeError([Problem(message, self._origin(event))])

    def _origin(self, event: Any) -> Origin:
        start, end = event.start_mark, event.end_mark
        width = end.column - start.column if end.line == start.line else 1
        return Origin(self._source, start.line + 1, start.column + 1, max(1, width))


@dataclass(frozen=True, slots=True)
class _Key:
    """A key whose value has not been read yet; one that is not accepted has been reported, and is left out."""

    name: str
    origin: Origin | None
    accepted: bool


class _Open:
    """A mapping or list whose end has not been read yet."""

    def __init__(self, event: Any, origin: Origin) -> None:
        self.event = event
        self.origin = origin
        self.size = 1
        self.key: _Key | None = None
        self.entries: dict[str, Node] = {}
        self._is_mapping = isinstance(event, yaml.MappingStartEvent)
        self._items: list[Node] = []

    @property
    def awaits_key(self) -> bool:
        return self._is_mapping and self.key is None

    def add(self, node: Node) -> None:
        if self.key is None:
            self._items.append(node)
        elif self.key.accepted:
            self.entries[self.key.name] = Node(node.value, node.origin, self.key.origin, node.size, node.depth)
        self.key = None

    def node(self) -> Node:
        like = Node(None, self.origin)
        return mapping(self.entries, like) if self._is_mapping else sequence(tuple(self._items), like)
