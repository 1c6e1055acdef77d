"""What the JSON Schema of recipes says of values and steps that are left open for a search."""

from __future__ import annotations

from typing import Any

from compressor.recipe.search_syntax import AUTO, ONE_OF, OPTIONAL, SEARCH

_VALUE = "SearchedValue"
_TRAINING = ("TrainingDefaults", "EarlyStopping", "Teacher", "Hint")
_ABOUT = ("description", "default", "title")
_RANGE = {
    "type": "object",
    "additionalProperties": False,
    "required": ["low", "high"],
    "properties": {
        "low": {"type": "number", "description": "the least number"},
        "high": {"type": "number", "description": "the greatest number"},
        "step": {"type": "number", "exclusiveMinimum": 0, "description": "the distance between two that are tried"},
        "log": {"type": "boolean", "description": "whether small numbers are tried as often as large ones"},
    },
}
_DEFINITION = {
    "type": "object",
    "description": "what `compressor search` tries in place of one value",
    "additionalProperties": False,
    "required": [SEARCH],
    "properties": {
        SEARCH: {
            "description": "values, a range, or `auto` for what the strategy declares",
            "anyOf": [{"type": "array", "minItems": 1}, _RANGE, {"const": AUTO}],
        }
    },
}


def allow_search(definitions: dict[str, Any]) -> None:
    """Let the parameters of steps, models and training be left open, and steps be optional or one of several."""
    for name, definition in definitions.items():
        if name in _TRAINING or name.startswith(("StepSection_", "ModelSection_")):
            for key, value in definition.get("properties", {}).items():
                definition["properties"][key] = _or_open(value)
    definitions[_VALUE] = _DEFINITION
    step = definitions["StepSection"]
    reference = {"$ref": "#/$defs/StepSection"}
    step["properties"] |= {
        OPTIONAL: {"type": "boolean", "description": "whether `compressor search` also tries to leave the step out"},
        ONE_OF: {
            "type": "array",
            "minItems": 2,
            "description": "steps, or lists of steps, of which `compressor search` takes one",
            "items": {"anyOf": [reference, {"type": "array", "minItems": 1, "items": reference}]},
        },
        SEARCH: {"const": AUTO, "description": "leave open what the strategy declares that a search may try"},
    }
    step.pop("required")
    step["anyOf"] = [{"required": ["uses"]}, {"required": [ONE_OF]}]


def _or_open(value: dict[str, Any]) -> dict[str, Any]:
    about = {key: value[key] for key in _ABOUT if key in value}
    rest = {key: part for key, part in value.items() if key not in _ABOUT}
    options = rest.pop("anyOf") if [*rest] == ["anyOf"] else [rest]
    return {"anyOf": [*options, {"$ref": f"#/$defs/{_VALUE}"}], **about}
