"""Turns pydantic's validation errors into problems in plain words, at the position of the value."""

from __future__ import annotations

import re
import types
from collections.abc import Callable, Mapping
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from compressor.base.fields import DISTRIBUTION_PATTERN, NAME_PATTERN
from compressor.base.text import did_you_mean, quoted
from compressor.recipe.problems import Problem
from compressor.recipe.search_syntax import is_open
from compressor.recipe.tree import Node, Route

_KINDS = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "float_type": "a number",
    "string_type": "text",
    "bool_type": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "set_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "metric_type": "a name or a mapping",
    "teacher_type": "a source or a mapping",
}
_PATTERNS = {
    NAME_PATTERN: "may contain only letters, digits, '.', '_' and '-', and must start with a letter or digit",
    DISTRIBUTION_PATTERN: "must be the name that pip installs it by",
}
_BOUNDS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "greater_than": lambda ctx: f"must be above {_number(ctx['gt'])}",
    "greater_than_equal": lambda ctx: f"must be {_number(ctx['ge'])} or more",
    "less_than": lambda ctx: f"must be below {_number(ctx['lt'])}",
    "less_than_equal": lambda ctx: f"must be {_number(ctx['le'])} or less",
    "finite_number": lambda _: "must be a finite number",
    "too_short": lambda ctx: f"needs {ctx['min_length']} or more entries",
    "too_long": lambda ctx: f"takes at most {ctx['max_length']} entries",
    "string_too_long": lambda ctx: f"must have at most {ctx['max_length']} characters",
    "string_pattern_mismatch": lambda ctx: _PATTERNS.get(ctx["pattern"], f"must match {ctx['pattern']}"),
}
_CHOICE = re.compile(r"'([^']*)'|([^\s,']+)")


def problems_of(error: ValidationError, model: type[BaseModel], tree: Node) -> list[tuple[Route, Problem]]:
    """One problem for each validation error, with the route to the value at fault."""
    problems = []
    for entry in error.errors(include_url=False):
        route = _route(entry, tree)
        node = tree.nearest(route)
        origin = node.origin
        if entry["type"] == "missing":
            where = f" in {_dotted(route[:-1])}" if route[1:] else ""
            message = f"{_dotted(route[-1:])} is missing{where}; add it"
            origin = node.key_origin or node.origin
        elif entry["type"] == "extra_forbidden":
            key = str(route[-1])
            message = f"unknown key {quoted(key)}{did_you_mean(key, field_names(model, route[:-1]))}"
            origin = node.key_origin or node.origin
        elif entry["loc"][-1:] == ("[key]",):
            message = f"the key {quoted(str(route[-1]))} {_BOUNDS[entry['type']](entry['ctx'])}"
            origin = node.key_origin or node.origin
        else:
            message = _message(entry, route, node)
        problems.append((route, Problem(message, origin)))
    return problems


def field_names(model: type[BaseModel], route: Route = ()) -> list[str]:
    """The valid keys at `route` within `model`; none where any key is valid."""
    current: type[BaseModel] | None = model
    by_any_key: type[BaseModel] | None = None  # what each value of a mapping is, whose keys are free
    for part in route:
        if isinstance(part, int):
            continue
        if by_any_key is not None:
            current, by_any_key = by_any_key, None
            continue
        fields = {field.alias or name: field for name, field in current.model_fields.items()} if current else {}
        annotation = fields[part].annotation if part in fields else None
        current, by_any_key = _model_in(annotation), _model_of_values(annotation)
    return [field.alias or name for name, field in current.model_fields.items()] if current else []


def _model_of_values(annotation: Any) -> type[BaseModel] | None:
    return _model_in(get_args(annotation)[1]) if get_origin(annotation) is dict else None


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) in (Union, types.UnionType, list, tuple):
        return next((model for part in get_args(annotation) if (model := _model_in(part))), None)
    return None


def _route(entry: ErrorDetails, tree: Node) -> Route:
    """The route to a value at fault, without what pydantic adds, such as the member of a union that it tried."""
    route: list[str | int] = []
    for part in entry["loc"]:
        child = tree.child(part)
        if child is not None:
            route.append(part)
            tree = child
    return (*route, entry["loc"][-1]) if entry["type"] == "missing" else tuple(route)


def _message(entry: ErrorDetails, route: Route, node: Node) -> str:
    kind, ctx, name = entry["type"], entry.get("ctx", {}), _dotted(route)
    if is_open(node):
        return f"{name} cannot be left open; a search takes values of 'with', 'train' and 'training' alone"
    if kind == "value_error":  # from a validator; one that checks a whole section names the parameters itself
        return f"{name}: {ctx['error']}" if route else str(ctx["error"])
    if kind in ("literal_error", "enum"):
        choices = [text or number for text, number in _CHOICE.findall(ctx["expected"]) if number != "or"]
        near = node.value if isinstance(node.value, str) and node.value not in choices else ""
        return f"{name} cannot be {_shown(node)}{did_you_mean(near, choices)}"
    if kind in _KINDS:
        return f"{name} takes {_KINDS[kind]}, not {_shown(node)}"
    if kind == "string_too_short":
        return f"{name} must not be empty"
    if kind in ("too_short", "too_long") and isinstance(node.value, tuple | dict):
        return f"{name} {_BOUNDS[kind](ctx)}, but has {len(node.value)}"
    if kind in _BOUNDS:
        return f"{name} {_BOUNDS[kind](ctx)}, but is {_shown(node)}"
    return f"{name}: {entry['msg'][:1].lower()}{entry['msg'][1:]}, but is {_shown(node)}"


def _dotted(route: Route) -> str:
    return quoted(".".join(map(str, route))) if route else "this section"


def _number(bound: float) -> str:
    return str(bound) if isinstance(bound, int) else f"{bound:g}"


def _shown(node: Node) -> str:
    value = node.value
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, tuple):
        return "a list"
    if value is None:
        return "an empty value"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"the text {quoted(value, 40)}"
    return quoted(str(value), 40).strip("'")
