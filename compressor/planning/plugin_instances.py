"""Makes instances of plugins' classes with the parameters of a recipe."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from compressor.base.errors import PluginError
from compressor.base.params import Params
from compressor.base.plugin_errors import fenced
from compressor.planning.registry import Entry, Kind
from compressor.recipe.load import validate_as_json
from compressor.recipe.problems import Problem, RecipeError
from compressor.recipe.pydantic_messages import problems_of
from compressor.recipe.tree import Node


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


def _problems(error: ValidationError, params: type[Params], values: Node) -> list[Problem]:
    return [problem for _, problem in problems_of(error, params, values)]
