"""The JSON Schema of recipes, for editors that complete and check while one types."""

from __future__ import annotations

from typing import Any

from pydantic.errors import PydanticInvalidForJsonSchema

from compressor.base.params import Params
from compressor.planning.registry import Kind, Registry
from compressor.recipe.sections import Recipe
from compressor.recipe.training_params import TrainingDefaults

_NAMED: tuple[tuple[str, str, Kind], ...] = (
    ("StepSection", "uses", "strategy"),
    ("ModelSection", "source", "model"),
    ("DataSection", "source", "data set"),
    ("MetricSection", "uses", "metric"),
)


def recipe_schema(registry: Registry) -> dict[str, Any]:
    """Schema of a recipe file, given what is installed."""
    schema = Recipe.model_json_schema(by_alias=True)
    definitions = schema["$defs"]
    schema["properties"]["extends"] = {
        "type": "string",
        "description": "a recipe to start from: a path, or the name of one that ships",
    }
    for section, key, kind in _NAMED:
        names = registry.names(kind)
        for name in names:
            definitions |= _definitions(f"{section}_{name}", registry.entries[kind][name][0].cls.Params)
        definitions[section]["properties"][key]["examples"] = names
        definitions[section]["allOf"] = [_when(key, name, f"{section}_{name}") for name in names]
    metrics = definitions["EvaluationSection"]["properties"]["metrics"]
    metrics["items"] = {"anyOf": [{"type": "string", "minLength": 1}, metrics["items"]]}
    if "StepSection_train" in definitions:
        train = definitions["ModelSection"]["properties"]["train"]
        train["anyOf"] = [{"$ref": "#/$defs/StepSection_train"}, {"type": "null"}]
    schema["allOf"] = [_whole(schema, definitions), _without_plugins(registry)]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "compressor recipe"}


def params_schema(params: type[Params], ref_template: str = "#/$defs/{model}") -> dict[str, Any]:
    """Schema of a plugin's parameters; any object will do where one of them is of a type that JSON lacks."""
    try:
        return params.model_json_schema(by_alias=True, ref_template=ref_template)
    except PydanticInvalidForJsonSchema as error:
        return {"type": "object", "description": f"It cannot be described: {error.message}."}


def _whole(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """What a recipe needs that extends no other; takes those demands out of the schema."""
    needed: dict[str, Any] = {"required": schema.pop("required"), "properties": {}}
    for section, name in (("model", "ModelSection"), ("data", "DataSection")):
        needed["properties"][section] = {"required": definitions[name].pop("required")}
    return {"if": {"not": {"required": ["extends"]}}, "then": needed}


def _without_plugins(registry: Registry) -> dict[str, Any]:
    """The names that steps may use where no plugin file, not even one of an extended recipe, can bring others."""
    known = {"properties": {"uses": {"enum": registry.names("strategy")}}}
    steps = {"properties": {"steps": {"items": known}}}
    return {"if": {"not": {"anyOf": [{"required": ["plugins"]}, {"required": ["extends"]}]}}, "then": steps}


def _definitions(name: str, params: type[Params]) -> dict[str, Any]:
    """The schema of the parameters and of those within them, under names that cannot clash with others'."""
    schema = params_schema(params, f"#/$defs/{name}_{{model}}")
    inner = {f"{name}_{model}": found for model, found in schema.pop("$defs", {}).items()}
    if issubclass(params, TrainingDefaults):
        schema["description"] = f"{schema.get('description', '')} What is left out comes from `training:`.".strip()
    return {name: schema, **inner}


def _when(key: str, name: str, definition: str) -> dict[str, Any]:
    return {
        "if": {"properties": {key: {"const": name}}, "required": [key]},
        "then": {"properties": {"with": {"$ref": f"#/$defs/{definition}"}}},
    }
