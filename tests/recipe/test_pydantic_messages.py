from typing import Annotated, Literal

import pytest
from pydantic import Field, ValidationError, model_validator

from compressor.base.params import Params
from compressor.recipe.load import validate_as_json
from compressor.recipe.pydantic_messages import field_names, problems_of
from compressor.recipe.tree import from_data


class Inner(Params):
    size: int = 1
    kind: str = Field("x", alias="type")


class Everything(Params):
    precision: Literal["int8", "float16", "a or b", "c, d"] = "int8"
    bits: Literal[4, 8] = 8
    ratio: float = Field(0.5, ge=0.25, lt=1)
    share: float = Field(0.5, gt=0, le=1)
    count: int = Field(1, ge=1, le=2**31 - 1)
    flag: bool = False
    shape: tuple[int, int] = (1, 2)
    names: list[str] = Field(["a"], min_length=1, max_length=2)
    code: str = Field("ab", pattern="^[a-z]{2}$", max_length=4)
    either: int | str = 1
    steps: int = Field(10, multiple_of=5)
    inner: Inner | None = None
    inners: list[Inner] = []
    table: dict[str, int] = {}
    when: Annotated[str, Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _fits(self):
        if self.ratio > self.share:
            raise ValueError("ratio is above share; swap them")
        return self


def told(data):
    tree = from_data(data)
    with pytest.raises(ValidationError) as caught:
        validate_as_json(Everything, tree)
    return [(route, problem.message) for route, problem in problems_of(caught.value, Everything, tree)]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"precision": "int16"}, "'precision' cannot be the text 'int16'; did you mean 'int8'?"),
        ({"precision": "xyz"}, "'precision' cannot be the text 'xyz'; known: a or b, c, d, float16, int8"),
        ({"precision": 8}, "'precision' cannot be 8; known: a or b, c, d, float16, int8"),
        ({"precision": {"a": 1}}, "'precision' cannot be a mapping; known: a or b, c, d, float16, int8"),
        ({"bits": 16}, "'bits' cannot be 16; known: 4, 8"),
        ({"bits": "8"}, "'bits' cannot be the text '8'; known: 4, 8"),
        ({"ratio": 0.1}, "'ratio' must be 0.25 or more, but is 0.1"),
        ({"ratio": 1}, "'ratio' must be below 1, but is 1"),
        ({"share": 0}, "'share' must be above 0, but is 0"),
        ({"share": 1.5}, "'share' must be 1 or less, but is 1.5"),
        ({"share": float("inf")}, "'share' must be a finite number, but is inf"),
        ({"share": "0.5"}, "'share' takes a number, not the text '0.5'"),
        ({"count": 2**31}, "'count' must be 2147483647 or less, but is 2147483648"),
        ({"count": 10**30}, f"'count' must be 2147483647 or less, but is {10**30}"),
        ({"count": 0.5}, "'count' takes a whole number, not 0.5"),
        ({"flag": 1}, "'flag' takes true or false, not 1"),
        ({"flag": "yes"}, "'flag' takes true or false, not the text 'yes'"),
        ({"shape": [1]}, "'1' is missing in 'shape'; add it"),
        ({"shape": [1, 2, 3]}, "'shape' takes at most 2 entries, but has 3"),
        ({"shape": "1x2"}, "'shape' takes a list, not the text '1x2'"),
        ({"names": []}, "'names' needs 1 or more entries, but has 0"),
        ({"names": ["a", "b", "c"]}, "'names' takes at most 2 entries, but has 3"),
        ({"names": ["a", 1]}, "'names.1' takes text, not 1"),
        ({"code": "AB"}, "'code' must match ^[a-z]{2}$, but is the text 'AB'"),
        ({"code": "abcde"}, "'code' must have at most 4 characters, but is the text 'abcde'"),
        ({"steps": 12}, "'steps': input should be a multiple of 5, but is 12"),
        ({"inner": 1}, "'inner' takes a mapping, not 1"),
        ({"inner": {"size": "x" * 50}}, f"'inner.size' takes a whole number, not the text '{'x' * 37}...'"),
        ({"inner": {"kind": "x"}}, "unknown key 'kind'; known: size, type"),
        ({"inners": [{}, {"szie": 1}]}, "unknown key 'szie'; did you mean 'size'?"),
        ({"table": {"a": "b"}}, "'table.a' takes a whole number, not the text 'b'"),
        ({"table": {"k" * 100: "b"}}, f"'table.{'k' * 51}...' takes a whole number, not the text 'b'"),
        ({"when": ""}, "'when' must not be empty"),
        ({"share": 0.3}, "ratio is above share; swap them"),
    ],
)
def test_a_finding_is_said_in_the_recipes_own_words(data, message):
    assert [said for _, said in told(data)] == [message]


def test_each_member_of_a_union_is_told_for_the_one_value_that_is_there():
    assert told({"either": []}) == [
        (("either",), "'either' takes a whole number, not a list"),
        (("either",), "'either' takes text, not a list"),
    ]


def test_routes_lead_to_what_is_wrong():
    assert [route for route, _ in told({"names": [1], "inners": [{"oops": 1}], "shape": [1], "oops": 2})] == [
        ("shape", 1),
        ("names", 0),
        ("inners", 0, "oops"),
        ("oops",),
    ]


def test_known_keys_are_those_of_the_model_at_the_place():
    assert field_names(Inner) == ["size", "type"]
    assert field_names(Everything, ("inner",)) == field_names(Everything, ("inners", 3)) == ["size", "type"]
    assert field_names(Everything, ("table",)) == field_names(Everything, ("nowhere",)) == []


def test_the_keys_behind_a_key_that_is_free_are_known():
    class Outer(Params):
        named: dict[str, Inner] = {}

    assert field_names(Outer, ("named",)) == []
    assert field_names(Outer, ("named", "any")) == ["size", "type"]
