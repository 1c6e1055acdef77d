"""Checks of the parameters that a class takes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import ValidationError
from pydantic.errors import PydanticInvalidForJsonSchema
from pydantic.fields import FieldInfo

from compressor.planning.plugin_instances import faulty_defaults, problems_with
from compressor.recipe.load import validate_as_json
from compressor.recipe.tree import from_data
from compressor.testing.check_record import EVERY_KIND, NotRun, check
from compressor.testing.subject import Subject

_HUGE = 10**12


@check(
    *EVERY_KIND,
    reason="a recipe that leaves the parameters out would be refused, or run with values that nobody allowed",
    remedy="give each parameter a default that its bounds and validators accept, and have '__init__' pass 'params' on",
)
def defaults_are_valid(subject: Subject) -> Iterable[str]:
    """The class can be made with its defaults, and with the parameters that it is checked with, and keeps them."""
    if missing := subject.missing:
        raise NotRun(f"the parameter '{missing[0]}' has neither a default nor an example; give 'params'")
    faults = faulty_defaults(subject.params)
    yield from (f"the default of the parameter '{name}' is wrong: {reason}" for name, reason in faults)
    if not faults and subject.fault_of_instance:
        yield subject.fault_of_instance


@check(
    *EVERY_KIND,
    reason="editors, 'compressor strategies' and the docs show it, and it is all that a user knows of the parameter",
    remedy="write it as Field(..., description='...')",
)
def parameters_have_descriptions(subject: Subject) -> Iterable[str]:
    """Every parameter has a description."""
    for name, field in subject.params.model_fields.items():
        if not (field.description or "").strip():
            yield f"the parameter '{field.alias or name}' has no description"


@check(
    *EVERY_KIND,
    reason="a recipe with a number that makes no sense is to be refused before anything runs",
    remedy="give it bounds, such as Field(..., ge=0, le=1)",
)
def numbers_have_bounds(subject: Subject) -> Iterable[str]:
    """Every parameter that is a number has a smallest or a largest value."""
    for key in _numbers(subject.params):
        if all(_accepts(subject, {key: value}) for value in (_HUGE, -_HUGE)):
            yield f"the parameter '{key}' takes {_HUGE:,} as well as {-_HUGE:,}"


@check(
    *EVERY_KIND,
    reason="an example is what a user starts from where there is no default",
    remedy="give it a default, or an example that it accepts: Field(..., examples=[...])",
)
def required_parameters_have_examples(subject: Subject) -> Iterable[str]:
    """Every parameter without a default has an example, and every example is accepted."""
    for name, field in subject.params.model_fields.items():
        key = field.alias or name
        if field.is_required() and not field.examples:
            yield f"the parameter '{key}' has neither a default nor an example"
        for example in field.examples or ():
            if not _accepts(subject, {key: example}):
                yield f"the parameter '{key}' does not accept its own example {example!r}"


@check(
    *EVERY_KIND,
    reason="a misspelt parameter would be ignored without a word",
    remedy="leave 'model_config' as it is in compressor.Params",
)
def unknown_parameters_are_refused(subject: Subject) -> Iterable[str]:
    """A parameter that there is not is refused, as are text in place of a number, and changes afterwards."""
    if _accepts(subject, {"no_such_parameter": 1}):
        yield "'no_such_parameter' is accepted"
    for key in _numbers(subject.params):
        if _accepts(subject, {key: "1"}) and "string" not in json.dumps(_schema(subject)["properties"][key]):
            yield f"the text '1' is accepted for the number '{key}'"
    if not subject.params.model_config.get("frozen"):
        yield "parameters can be changed after they were checked"


@check(
    *EVERY_KIND,
    reason="editors complete and check recipes by it",
    remedy="use types that pydantic can describe, or give them a schema by WithJsonSchema",
)
def parameters_have_a_schema(subject: Subject) -> Iterable[str]:
    """The parameters can be described by a JSON Schema."""
    try:
        _schema(subject)
    except PydanticInvalidForJsonSchema as error:
        yield f"there is no JSON Schema of its parameters: {error.message}"


@check(
    *EVERY_KIND,
    reason="recipes, cache keys and lock files hold parameters as JSON, and runs are repeated from these",
    remedy="use types whose values pydantic can write as JSON and read, and validators that accept their own results",
)
def parameters_survive_json(subject: Subject) -> Iterable[str]:
    """Parameters that are written as JSON and read again are the same."""
    params = subject.instance.params
    written = params.model_dump(mode="json", by_alias=True)
    given = {key: value for key, value in written.items() if key in _keys_set(params)}
    for values in (given, written):
        try:
            again = validate_as_json(type(params), from_data(json.loads(json.dumps(values))))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            if values is given:  # defaults may be none that a recipe can give
                yield f"they are refused when they are read again: {first['loc']}: {first['msg']}"
            return
        if again != params:
            yield f"they are {again!r} when they are read again, and were {params!r}"
            return


def _keys_set(params: Any) -> set[str]:
    fields: Mapping[str, FieldInfo] = type(params).model_fields
    return {fields[name].alias or name for name in params.model_fields_set if name in fields}


def _schema(subject: Subject) -> dict[str, Any]:
    return subject.params.model_json_schema(by_alias=True)


def _accepts(subject: Subject, values: Mapping[str, Any]) -> bool:
    return not problems_with(subject.params, from_data({**subject.values, **values}))


def _numbers(params: Any) -> Iterator[str]:
    """The keys of the parameters that are numbers, or may be."""
    try:
        properties = params.model_json_schema(by_alias=True).get("properties", {})
    except PydanticInvalidForJsonSchema:
        raise NotRun("its parameters have no JSON Schema") from None
    for key, schema in properties.items():
        kinds = {option.get("type") for option in schema.get("anyOf", [schema])}
        if kinds & {"integer", "number"}:
            yield key
