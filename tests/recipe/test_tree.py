import enum
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from compressor.recipe.problems import Origin, RecipeError, Source
from compressor.recipe.tree import Node, from_data, mapping, sequence

DATA = {"name": "x", "steps": [{"uses": "prune", "with": {"epochs": 2}}, {"uses": "ptq", "with": {}}], "none": None}


def said_of(data):
    with pytest.raises(RecipeError) as caught:
        from_data(data)
    return str(caught.value)


def test_a_tree_is_plain_data_again():
    assert from_data(DATA).plain() == DATA


def test_nodes_are_found_by_their_route():
    tree = from_data(DATA)
    assert tree.find(("steps", 0, "with", "epochs")) == Node(2)
    assert tree.find(()) is tree
    for nowhere in [("steps", 2), ("steps", -1), ("steps", "0"), ("name", 0), ("other",), ("name", "x", "y")]:
        assert tree.find(nowhere) is None


def test_the_nearest_node_is_the_deepest_on_the_way():
    tree = from_data(DATA)
    assert tree.nearest(("steps", 0, "with", "epohcs", "x")) == from_data({"epochs": 2})
    assert tree.nearest(("nowhere",)) is tree


def test_leaves_are_the_scalars_and_the_empty_collections():
    assert [(route, node.plain()) for route, node in from_data(DATA).leaves()] == [
        (("name",), "x"),
        (("steps", 0, "uses"), "prune"),
        (("steps", 0, "with", "epochs"), 2),
        (("steps", 1, "uses"), "ptq"),
        (("steps", 1, "with"), {}),
        (("none",), None),
    ]


def test_size_and_depth_are_those_of_all_that_is_below():
    tree = from_data(DATA)
    assert (tree.size, tree.depth) == (11, 4)
    assert (from_data([]).size, from_data([]).depth) == (1, 1)
    assert (Node(1).size, Node(1).depth) == (1, 0)


def test_a_collection_can_stand_where_another_one_stands():
    origin = Origin(Source("recipe.yaml", ("a: 1",), Path()), 1, 4)
    like = Node(None, origin, origin)
    for made in (mapping({"a": Node(1)}, like), sequence((Node(1),), like)):
        assert (made.origin, made.key_origin, made.size, made.depth) == (origin, origin, 2, 1)


def test_where_a_node_stands_is_no_part_of_what_it_is():
    origin = Origin(Source("recipe.yaml", ("a: 1",), Path()), 1, 4)
    assert Node(1, origin) == Node(1)


class Precision(enum.StrEnum):
    INT8 = "int8"


class Old(str, enum.Enum):  # noqa: UP042
    INT8 = "int8"


@pytest.mark.parametrize(
    ("given", "plain"),
    [
        *((np.float32(0.5), 0.5), (np.float64(0.5), 0.5), (np.int64(3), 3), (np.str_("x"), "x"), (Fraction(1, 2), 0.5)),
        *((Precision.INT8, "int8"), (Old.INT8, "int8"), (enum.IntEnum("E", "A B").B, 2), (True, True), (None, None)),
    ],
)
def test_what_stands_for_text_or_a_number_becomes_it(given, plain):
    value = from_data({"x": given}).plain()["x"]
    assert (value, type(value)) == (plain, type(plain))


@pytest.mark.parametrize(
    ("data", "what"),
    [
        ({"model": {"source": Path("x")}}, "'model.source' is of type PosixPath"),
        ({"steps": [{"with": {"x": {1, 2}}}]}, "'steps.0.with.x' is of type set"),
        ({"x": b"bytes"}, "'x' is of type bytes"),
        ({"x": 1j}, "'x' is of type complex"),
        ({"x": np.bool_(True)}, "'x' is of type bool"),
        ({"x": np.zeros(2)}, "'x' is of type ndarray"),
        (object(), "the recipe is of type object"),
    ],
)
def test_data_that_a_recipe_cannot_hold_is_told_by_its_place(data, what):
    assert said_of(data) == f"error: {what}, which a recipe cannot hold; make it text or a number"


def test_a_key_must_be_text():
    assert said_of({"a": {1: 2}}) == "error: 'a' has the key '1', which is not text; make it text"
    assert said_of({None: 2}) == "error: the recipe has the key 'None', which is not text; make it text"


def test_data_that_is_nested_too_deep_or_holds_itself_is_refused():
    circle = {}
    circle["a"] = [circle, circle]
    assert said_of(circle) == "error: 'a.0' is nested more than 32 deep; flatten it"
    deep = []
    for _ in range(100_000):
        deep = [deep]
    assert said_of(deep) == "error: '0.0' is nested more than 32 deep; flatten it"
    while deep:  # or taking it down would overflow the stack
        deep = deep[0]
