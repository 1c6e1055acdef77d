"""Pydantic's findings, said in the recipe's own words and put where the value stands."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from compressor.recipe.document import Node, Route
from compressor.recipe.problems import Problem, did_you_mean

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
    "model_attributes_type": "a mapping",
    "dict_attributes_type": "a mapping",
}
_BOUNDS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "greater_than": lambda ctx: f"must be above {ctx['gt']:g}",
    "greater_than_equal": lambda ctx: f"must be {ctx['ge']:g} or more",
    "less_than": lambda ctx: f"must be below {ctx['lt']:g}",
    "less_than_equal": lambda ctx: f"must be {ctx['le']:g} or less",
    "finite_number": lambda _: "must be a finite number",
    "too_short": lambda ctx: f"needs {ctx['min_length']} or more entries",
    "too_long": lambda ctx: f"takes {ctx['max_length']} entries at the most",
    "string_too_short": lambda _: "must not be empty",
    "string_too_long": lambda ctx: f"must have {ctx['max_length']} characters at the most",
    "string_pattern_mismatch": lambda _: (
        "may hold letters, digits, '.', '_' and '-', and starts with a letter or digit"
    ),
}


def problems_of(error: ValidationError, model: type[BaseModel], tree: Node) -> list[tuple[Route, Problem]]:
    """One problem for each finding, with the route to what is wrong."""
    found = []
    for entry in error.errors(include_url=False):
        route = tuple(entry["loc"])
        node = tree.nearest(route)
        kind, ctx = entry["type"], entry.get("ctx", {})
        name = ".".join(str(part) for part in route) or "a recipe"
        origin = node.origin
        if kind == "missing":
            where = ".".join(str(part) for part in route[:-1])
            message = f"'{route[-1]}' is missing" + (f" in '{where}'; add it" if where else "; add it")
            origin = node.key_origin or node.origin
        elif kind == "extra_forbidden":
            known = field_names(model, route[:-1])
            message = f"unknown key '{route[-1]}'{did_you_mean(str(route[-1]), known)}"
            origin = node.key_origin or node.origin
        elif kind in ("literal_error", "enum"):
            choices = [choice.strip("' ") for choice in ctx["expected"].replace(" or ", ", ").split(", ")]
            message = f"'{name}' cannot be {_shown(node)}{did_you_mean(str(node.value), choices)}"
        elif kind in _KINDS:
            message = f"'{name}' takes {_KINDS[kind]}, not {_shown(node)}"
        elif kind in _BOUNDS:
            message = f"'{name}' {_BOUNDS[kind](ctx)}, and is {_shown(node)}"
        elif kind == "value_error":
            message = f"'{name}': {ctx['error']}"
        else:
            message = f"'{name}': {entry['msg'][:1].lower()}{entry['msg'][1:]}, and is {_shown(node)}"
        found.append((route, Problem(message, origin)))
    return found


def field_names(model: type[BaseModel], route: Route = ()) -> list[str]:
    """The keys that are known at `route` below `model`."""
    current: type[BaseModel] | None = model
    for part in route:
        if isinstance(part, int):
            continue
        fields = {field.alias or name: field for name, field in current.model_fields.items()} if current else {}
        current = _model_in(fields[part].annotation) if part in fields else None
    return [field.alias or name for name, field in current.model_fields.items()] if current else []


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) in (Union, types.UnionType, list, tuple):
        return next((model for part in get_args(annotation) if (model := _model_in(part))), None)
    return None


def _shown(node: Node) -> str:
    value = node.value
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, tuple):
        return "a list"
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"the text '{value if len(value) <= 40 else value[:37] + '...'}'"
    shown = str(value)
    return shown if len(shown) <= 40 else shown[:37] + "..."
