import pytest
from hypothesis import given
from hypothesis import strategies as st

from compressor.recipe.document import dump
from compressor.recipe.load import load
from compressor.recipe.overrides import overridden
from compressor.recipe.problems import RecipeError
from compressor.recipe.tree import from_data

RECIPE = """\
version: 1
name: mine
model: {source: mnist_cnn, train: {epochs: 10}}
data: {source: mnist}
evaluation: {metrics: [accuracy]}
steps:
  - uses: prune
    with: {final_sparsity: 0.8, except: [conv]}
  - id: last
    uses: ptq
"""


@pytest.fixture
def loaded(write):
    def loaded(*overrides):
        return load(write(RECIPE), overrides)

    return loaded


def set_in(data, override):
    return overridden(from_data(data), override).plain()


@pytest.mark.parametrize(
    ("override", "route", "value"),
    [
        ("steps.prune.with.final_sparsity=0.9", ("steps", 0, "with", "final_sparsity"), 0.9),
        ("steps.0.with.final_sparsity=9e-1", ("steps", 0, "with", "final_sparsity"), 0.9),
        ("steps.last.with.precision=float16", ("steps", 1, "with", "precision"), "float16"),
        ("steps.1.with={precision: int8, io: int8}", ("steps", 1, "with"), {"precision": "int8", "io": "int8"}),
        ("steps.prune.with.except.0=dense", ("steps", 0, "with", "except"), ["dense"]),
        ("steps.prune.with.except=[]", ("steps", 0, "with", "except"), []),
        ("steps.ptq.with.io=int8", ("steps", 1, "with"), {"io": "int8"}),
        ("steps=[{uses: qat}]", ("steps",), [{"uses": "qat"}]),
        ("training.batch_size=32", ("training", "batch_size"), 32),
        ("training.early_stopping.patience=3", ("training", "early_stopping"), {"patience": 3}),
        ("model.train=", ("model", "train"), None),
        ("name='1'", ("name",), "1"),
        ("description=a=b", ("description",), "a=b"),
        ("  name  =x", ("name",), "x"),
        ("constraints.max_size=25 kB", ("constraints", "max_size"), "25 kB"),
        ("description=no", ("description",), "no"),
    ],
)
def test_a_value_is_set_by_its_path_and_read_as_yaml(loaded, override, route, value):
    assert loaded(override).tree.find(route).plain() == value


def test_all_else_stays_as_it_is(loaded):
    before, after = loaded().tree.plain(), loaded("steps.last.with.io=int8").tree.plain()
    assert after.pop("steps") == [before.pop("steps")[0], {"id": "last", "uses": "ptq", "with": {"io": "int8"}}]
    assert after == before


def test_later_overrides_are_laid_over_earlier_ones(loaded):
    assert loaded("name=a", "name=b").name == "b"
    assert loaded("steps=[{uses: qat}]", "steps.qat.with.epochs=1").steps[0].with_ == {"epochs": 1}


def test_what_is_set_knows_its_place_in_the_override_and_its_neighbours_keep_theirs(loaded):
    tree = loaded("steps.prune.with.final_sparsity=0.9", "training.early_stopping={patience: 3}").tree
    assert {route: str(node.origin) for route, node in tree.leaves() if route[0] in ("steps", "training")} == {
        ("steps", 0, "uses"): "recipe.yaml:7:11",
        ("steps", 0, "with", "final_sparsity"): "--set steps.prune.with.final_sparsity=0.9:1:33",
        ("steps", 0, "with", "except", 0): "recipe.yaml:8:42",
        ("steps", 1, "id"): "recipe.yaml:9:9",
        ("steps", 1, "uses"): "recipe.yaml:10:11",
        ("training", "early_stopping", "patience"): "--set training.early_stopping={patience: 3}:1:36",
    }


def test_a_wrong_value_is_told_where_it_stands_in_the_override(refusal):
    assert refusal(RECIPE, "data.validation_split=2") == (
        "--set data.validation_split=2:1:23: error: 'data.validation_split' must be below 1, but is 2\n"
        "    1 | data.validation_split=2\n"
        "      |                       ^"
    )


def test_an_unknown_key_is_told_where_it_stands_in_the_override(refusal):
    assert refusal(RECIPE, "training.bach_size=2") == (
        "--set training.bach_size=2:1:1: error: unknown key 'bach_size'; did you mean 'batch_size'?\n"
        "    1 | training.bach_size=2\n"
        "      | ^^^^^^^^^^^^^^^^^^"
    )
    assert refusal(RECIPE, "training={bach_size: 2}") == (
        "--set training={bach_size: 2}:1:11: error: unknown key 'bach_size'; did you mean 'batch_size'?\n"
        "    1 | training={bach_size: 2}\n"
        "      |           ^^^^^^^^^"
    )


@pytest.mark.parametrize(
    "override", ["", "name", "=1", " =1", "a..b=1", ".a=1", "a.=1", ".=1", ".".join("a" * 33) + "=1"]
)
def test_what_is_no_override_is_told_with_an_example(refusal, override):
    name = override.partition("=")[0]
    shown = name if len(name) <= 60 else name[:57] + "..."
    assert (
        refusal(RECIPE, override)
        .splitlines()[0]
        .endswith(f":1:1: error: '{shown}' sets nothing; write path=value, as in steps.prune.with.final_sparsity=0.9")
    )


@pytest.mark.parametrize(
    ("override", "problem"),
    [
        ("steps.prun.with=1", "'steps' has no entry 'prun'; did you mean 'prune'?"),
        ("steps.qat.with=1", "'steps' has no entry 'qat'; known: last, prune"),
        ("steps.2.uses=qat", "'steps' has no entry '2'; known: last, prune"),
        ("steps.-1.uses=qat", "'steps' has no entry '-1'; known: last, prune"),
        ("steps.00.uses=qat", "'steps' has no entry '00'; known: last, prune"),
        ("steps.\u0661.uses=qat", "'steps' has no entry '\u0661'; known: last, prune"),
        ("evaluation.metrics.one=x", "'evaluation.metrics' has no entry 'one'; write a number from 0 to 0"),
        ("name.x=1", "'name' is a single value, so there is no 'x' in it; set 'name' itself"),
        (
            "steps.last.uses.x=1",
            "'steps.1.uses' is a single value, so there is no 'x' in it; set 'steps.1.uses' itself",
        ),
    ],
)
def test_a_path_that_leads_nowhere_is_told(refusal, override, problem):
    name = override.partition("=")[0]
    assert refusal(RECIPE, override) == (
        f"--set {override}:1:1: error: {problem}\n    1 | {override}\n      | {'^' * len(name)}"
    )


def test_an_index_of_thousands_of_digits_leads_nowhere(refusal):
    said = refusal(RECIPE, f"steps.{'9' * 5_000}.uses=qat")
    assert f": error: 'steps' has no entry '{'9' * 57}...'; known: last, prune" in said


def test_an_empty_list_has_nothing_to_set(refusal):
    said = refusal(RECIPE, "steps=[]", "steps.0.uses=qat")
    assert said.splitlines()[0] == (
        "--set steps.0.uses=qat:1:1: error: 'steps' has no entry '0'; it is empty, so set it as a whole"
    )


@pytest.mark.parametrize(
    ("override", "place", "problem"),
    [
        ("name=[a", "1:8", "the list that '[' opened is not closed here; add a ',' or the ']'"),
        ("name=@x", "1:6", "a value cannot start with this character; quote the text"),
        ("name=a: b: c", "1:10", "a ':' cannot stand here; quote the text, or line the key up with those around it"),
        ("name=!x y", "1:6", "the tag '!x' is not part of the recipe language; remove it"),
        ("name={a: 1, a: 2}", "1:13", "'a' is given twice (first on line 1); keep one"),
        ("name=*x", "1:6", "there is no anchor 'x' before this; define it first, or quote the text"),
        ("name=\x1b[31m", "1:6", "the character U+001B is not allowed in a recipe; remove it"),
        ("name=\udce9", "1:6", "the character U+DCE9 is not allowed in a recipe; remove it"),
        ("name=1e999", "1:6", "this number is too large; write a smaller one"),
        ("name=" + "[" * 100_000, "1:38", "nested more than 32 deep; flatten it"),
    ],
)
def test_a_value_that_is_not_the_language_is_told_at_its_place_in_the_override(refusal, override, place, problem):
    assert f":{place}: error: {problem}\n" in refusal(RECIPE, override)


def test_places_on_further_lines_of_an_override_are_right_too(refusal):
    assert refusal(RECIPE, "training={optimizer: adam,\n  bach_size: 2}") == (
        "--set training={optimizer: adam,\\n  bach_size: 2}:2:3: error: "
        "unknown key 'bach_size'; did you mean 'batch_size'?\n"
        "    2 |   bach_size: 2}\n"
        "      |   ^^^^^^^^^"
    )


def test_all_overrides_that_are_wrong_are_told_together_with_the_rest(refusal):
    said = refusal(RECIPE.replace("name:", "nmae:"), "oops", "steps.x.uses=qat", "training.batch_size=0")
    assert [line for line in said.splitlines() if "error" in line] == [
        "--set oops:1:1: error: 'oops' sets nothing; write path=value, as in steps.prune.with.final_sparsity=0.9",
        "--set steps.x.uses=qat:1:1: error: 'steps' has no entry 'x'; known: last, prune",
        "--set training.batch_size=0:1:21: error: 'training.batch_size' must be 1 or more, but is 0",
        "recipe.yaml:2:1: error: unknown key 'nmae'; did you mean 'name'?",
    ]


def test_a_recipe_that_is_no_mapping_is_told_as_such(refusal):
    assert refusal("- a\n", "name=x").splitlines()[0] == (
        "recipe.yaml:1:1: error: the recipe is not a mapping of keys to values; start it with 'version: 1'"
    )


def test_a_whole_recipe_can_be_set_on_an_empty_file(write):
    overrides = ["version=1", "model.source=mnist_cnn", "data.source=mnist"]
    assert load(write("# nothing yet\n"), overrides).model.source == "mnist_cnn"


def test_python_data_takes_overrides_too():
    data = {"version": 1, "model": {"source": "mnist_cnn"}, "data": {"source": "mnist"}, "steps": [{"uses": "qat"}]}
    assert load(data, ["steps.qat.with.epochs=1"]).steps[0].with_ == {"epochs": 1}


def test_a_mapping_on_the_way_that_is_null_or_not_there_is_made():
    assert set_in({}, "a.b.c=1") == {"a": {"b": {"c": 1}}}
    assert set_in({"a": None}, "a.b=1") == {"a": {"b": 1}}
    assert set_in({"a": {}}, "a={}") == {"a": {}}


KEYS = st.text("abcxyz-_0", min_size=1, max_size=5)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters(codec="utf-8")),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(KEYS, below, max_size=3),
    max_leaves=8,
)
MAPPINGS = st.recursive(st.none(), lambda below: st.dictionaries(KEYS, below, max_size=3), max_leaves=8).filter(
    lambda data: data is not None
)


@given(MAPPINGS, st.lists(KEYS, min_size=1, max_size=5), VALUES)
def test_what_is_set_is_what_is_read_at_the_same_path(data, path, value):
    text = dump({"x": value}).removeprefix("x:")
    tree = overridden(from_data(data), f"{'.'.join(path)}={text}")
    assert tree.find(tuple(path)).plain() == value


@given(st.text(), st.text())
def test_any_override_at_all_sets_something_or_is_a_recipe_error(path, value):
    try:
        overridden(from_data({"steps": [{"uses": "prune"}], "a": {"b": 1}}), f"{path}={value}")
    except RecipeError as error:
        assert error.problems
