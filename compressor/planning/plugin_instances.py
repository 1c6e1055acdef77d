"""Makes instances of plugins' classes with the parameters of a recipe."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from compressor.base.errors import PluginError
from compressor.base.params import Params
from compressor.base.plugin_errors import fenced
from compressor.planning.plugin_checks import Kind
from compressor.planning.registry import Entry
from compressor.recipe.load import validate_as_json
from compressor.recipe.problems import Problem, RecipeError
from compressor.recipe.pydantic_messages import problems_of
from compressor.recipe.tree import Node, mapping

_FIX_DEFAULT = "fix the default in the plugin, or set the parameter"


def instance_of(kind: Kind, entry: Entry, values: Node) -> Any:
    """Make an instance of a plugin's class.

    Raises:
        RecipeError: with every problem of the parameters, at its position.
        PluginError: the class fails, or does not keep its parameters.
    """
    cls = entry.cls
    with fenced(f"the {kind} '{cls.name}' ({entry.provider})", PluginError, (RecipeError,)):
        try:
            instance = cls(validate_as_json(cls.Params, values))
        except ValidationError as error:
            if faulty := _faulty_defaults(error, values):
                name, reason = faulty[0]
                raise PluginError(f"the default of its parameter '{name}' is wrong ({reason})", _FIX_DEFAULT) from None
            raise RecipeError(_problems(error, cls.Params, values)) from None
        if not isinstance(getattr(instance, "params", None), Params):
            raise PluginError("its '__init__' does not keep 'params'", "have it call super().__init__(params)")
        instance.params.model_dump(mode="json")  # must work, since the keys of the cache are made of it
        return instance


def problems_with(params: type[Params], values: Node) -> list[Problem]:
    """The problems of values for a set of parameters."""
    try:
        validate_as_json(params, values)
    except ValidationError as error:
        return _problems(error, params, values)
    return []


def faulty_defaults(params: type[Params]) -> list[tuple[str, str]]:
    """The parameters whose defaults they refuse themselves, each with what is wrong with it."""
    try:
        validate_as_json(params, mapping({}))
    except ValidationError as error:
        return _faulty_defaults(error, mapping({}))
    return []


def _faulty_defaults(error: ValidationError, values: Node) -> list[tuple[str, str]]:
    given = values.value if isinstance(values.value, dict) else {}
    return [
        (str(one["loc"][0]), one["msg"])
        for one in error.errors(include_url=False, include_context=False)
        if one["loc"] and one["loc"][0] not in given and one["type"] != "missing"
    ]


def _problems(error: ValidationError, params: type[Params], values: Node) -> list[Problem]:
    return [problem for _, problem in problems_of(error, params, values)]
