"""The JSON Schema of recipes, with which editors complete and check a recipe as it is typed."""

from __future__ import annotations

from typing import Any

from pydantic.errors import PydanticInvalidForJsonSchema

from compressor.base.params import Params
from compressor.base.text import shortened
from compressor.devices.profile_files import device_in, shipped_files
from compressor.planning.plugin_checks import Kind
from compressor.planning.registry import Registry
from compressor.planning.search_schema import allow_search
from compressor.recipe.private_keys import PREFIX
from compressor.recipe.sections import Recipe
from compressor.recipe.training_params import TrainingDefaults

_PLUGIN_KEYS: tuple[tuple[str, str, Kind], ...] = (
    ("StepSection", "uses", "strategy"),
    ("ModelSection", "source", "model"),
    ("DataSection", "source", "data set"),
    ("MetricSection", "uses", "metric"),
)


def recipe_schema(registry: Registry) -> dict[str, Any]:
    """The schema of a recipe file, with the parameters of all installed plugins."""
    schema = Recipe.model_json_schema(by_alias=True)
    definitions = schema["$defs"]
    schema["properties"]["extends"] = {
        "type": "string",
        "description": "a recipe to start from: a path, or the name of one that ships",
    }
    for section, key, kind in _PLUGIN_KEYS:
        names = registry.names(kind)
        for name in names:
            definitions |= _definitions(f"{section}_{name}", registry.preferred(kind, name).cls.Params)
        named = definitions[section]["properties"][key]
        bounds = {word: named.pop(word) for word in ("type", "minLength", "maxLength") if word in named}
        known = [{"const": name, "description": registry.preferred(kind, name).summary} for name in names]
        named["anyOf"] = [*known, bounds]  # editors explain a name by its own description
        definitions[section]["allOf"] = [_parameters_if(key, name, f"{section}_{name}") for name in names]
    target = schema["properties"]["target"]
    shipped = shipped_files()
    devices = [(name, device_in(path, shipped).profile.description) for name, path in shipped.items()]
    target["anyOf"] = [*({"const": name, "description": text} for name, text in devices), *target["anyOf"]]
    metrics = definitions["EvaluationSection"]["properties"]["metrics"]
    metrics["items"] = {"anyOf": [{"type": "string", "minLength": 1}, metrics["items"]]}
    if "StepSection_train" in definitions:
        train = definitions["ModelSection"]["properties"]["train"]
        train["anyOf"] = [{"$ref": "#/$defs/StepSection_train"}, {"type": "null"}]
    allow_search(definitions)
    schema["allOf"] = [_required_keys(schema, definitions), _installed_strategies(registry)]
    for part in (schema, *definitions.values()):
        if part.get("additionalProperties") is False:
            part["patternProperties"] = {f"^{PREFIX}": {"description": "ignored; holds anchors or notes"}}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "compressor recipe"}


def params_schema(params: type[Params], ref_template: str = "#/$defs/{model}") -> dict[str, Any]:
    """The schema of a plugin's parameters; it allows any object if a parameter's type has no JSON Schema."""
    try:
        return params.model_json_schema(by_alias=True, ref_template=ref_template)
    except PydanticInvalidForJsonSchema as error:
        return {"type": "object", "description": f"It cannot be described: {error.message}."}
    except Exception as error:  # noqa: BLE001 - a plugin's class may fail in any way, and must not cost the others
        reason = shortened(f"{type(error).__name__}: {error}", 200)
        return {"type": "object", "description": f"It cannot be described: {reason}."}


def _required_keys(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """Require some keys of a recipe only if it extends no other; `schema` itself no longer requires them."""
    required: dict[str, Any] = {"required": schema.pop("required"), "properties": {}}
    for section, name in (("model", "ModelSection"), ("data", "DataSection")):
        required["properties"][section] = {"required": definitions[name].pop("required")}
    return {"if": {"not": {"required": ["extends"]}}, "then": required}


def _installed_strategies(registry: Registry) -> dict[str, Any]:
    """Allow only installed strategies if no plugin file, here or in an extended recipe, can bring others."""
    known = {"properties": {"uses": {"anyOf": [{"enum": registry.names("strategy")}, {"pattern": ":"}]}}}
    steps = {"properties": {"steps": {"items": known}}}
    return {"if": {"not": {"anyOf": [{"required": ["plugins"]}, {"required": ["extends"]}]}}, "then": steps}


def _definitions(name: str, params: type[Params]) -> dict[str, Any]:
    """The schemas of a plugin's parameters and of their parts, under names that cannot clash with another plugin's."""
    schema = params_schema(params, f"#/$defs/{name}_{{model}}")
    parts = {f"{name}_{model}": part for model, part in schema.pop("$defs", {}).items()}
    if issubclass(params, TrainingDefaults):
        schema["description"] = f"{schema.get('description', '')} Values left out come from `training:`.".strip()
    return {name: schema, **parts}


def _parameters_if(key: str, name: str, definition: str) -> dict[str, Any]:
    exactly = f"^{name.replace('.', '[.]')}$"  # editors that complete take the beginning of a `const` for all of it
    return {
        "if": {"properties": {key: {"pattern": exactly}}, "required": [key]},
        "then": {"properties": {"with": {"$ref": f"#/$defs/{definition}"}}},
    }
