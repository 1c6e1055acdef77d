"""The JSON Schema of recipes, for editors that complete and check while one types."""

from __future__ import annotations

from typing import Any

from compressor.params import TrainingDefaults
from compressor.recipe.schema import Recipe
from compressor.registry import Registry


def recipe_schema(registry: Registry) -> dict[str, Any]:
    """Schema of a recipe file, given what is installed."""
    schema = Recipe.model_json_schema(by_alias=True)
    definitions = schema["$defs"]
    schema["properties"]["extends"] = {
        "type": "string",
        "description": "a recipe to start from: a path, or the name of one that ships",
    }
    schema["required"] = ["version"]  # the others may come from the recipe it extends
    size = {"type": ["integer", "string", "null"], "description": "bytes, or a size such as `25 kB`"}
    for name in ("max_size", "max_gzip_size"):
        definitions["Constraints"]["properties"][name] = size
    for section, key, names, params in (
        ("StepSection", "uses", registry.names("strategy"), _params(registry, "strategy")),
        ("ModelSection", "source", registry.names("model"), _params(registry, "model")),
        ("DataSection", "source", registry.names("data set"), _params(registry, "data set")),
    ):
        definition = definitions[section]
        definition["properties"][key]["examples"] = names
        definition["allOf"] = [_when(key, name, f"{section}_{name}") for name in names]
        for name in names:
            definitions[f"{section}_{name}"] = _inlined(params[name], definitions)
    definitions["StepSection"]["properties"]["uses"]["enum"] = registry.names("strategy")
    if "train" in registry.names("strategy"):
        definitions["ModelSection"]["properties"]["train"] = {"$ref": "#/$defs/StepSection_train"}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "compressor recipe", **schema}


def _params(registry: Registry, kind: Any) -> dict[str, dict[str, Any]]:
    found = {}
    for name in registry.names(kind):
        params = registry.entries[kind][name][0].cls.Params
        schema = params.model_json_schema(by_alias=True)
        if issubclass(params, TrainingDefaults):
            schema["description"] = f"{schema.get('description', '')} What is left out comes from `training:`.".strip()
        found[name] = schema
    return found


def _when(key: str, name: str, definition: str) -> dict[str, Any]:
    return {
        "if": {"properties": {key: {"const": name}}, "required": [key]},
        "then": {"properties": {"with": {"$ref": f"#/$defs/{definition}"}}},
    }


def _inlined(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """The schema with its own definitions moved to where all of them are."""
    own = schema.pop("$defs", {})
    for name, definition in own.items():
        definitions.setdefault(name, definition)
    return schema
