"""The search space of a recipe, and the recipes that choices among it make."""

import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from compressor.recipe.document import RecipeText
from compressor.recipe.load import load, read_tree, validated
from compressor.recipe.problems import RecipeError
from compressor.recipe.search_space import LEFT_OUT, space_of
from compressor.recipe.search_syntax import OpenRecipeError

HEAD = "version: 1\nmodel: {source: mnist_cnn, train: {epochs: 1}}\ndata: {source: mnist}\n"
OPEN = (
    HEAD
    + """\
training:
  learning_rate: {search: {low: 1e-4, high: 1e-2, log: true}}
steps:
  - uses: prune
    optional: true
    with: {final_sparsity: {search: [0.5, 0.8]}, epochs: 1}
  - one_of:
      - [{uses: qat}, {uses: ptq}]
      - uses: ptq
        with: {precision: {search: [int8, dynamic, float16]}}
      - {uses: ptq, id: small, with: {precision: int4}}
constraints:
  stages:
    prune: {min_sparsity: 0.4}
    small: {max_size: 20 kB}
"""
)


def space(text):
    return space_of(read_tree(RecipeText("recipe", text))[0])


def problems(text):
    with pytest.raises(RecipeError) as caught:
        space(text)
    return [(f"{one.origin.line}:{one.origin.column}", one.message) for one in caught.value.problems]


def test_a_space_has_the_choices_of_steps_first_and_what_each_value_depends_on():
    found = space(OPEN)
    assert [(choice.name, str(choice.search), choice.needs) for choice in found.choices] == [
        ("step 1", "prune, left out", None),
        ("step 2", "qat -> ptq, ptq-2, small", None),
        ("training.learning_rate", "0.0001 to 0.01, log", None),
        ("steps.prune.with.final_sparsity", "0.5, 0.8", ("step 1", "prune")),
        ("steps.ptq-2.with.precision", "int8, dynamic, float16", ("step 2", "ptq-2")),
    ]
    assert (found.structures, found.count) == (6, None)


def test_the_recipes_of_a_space_without_ranges_are_counted_by_what_matters():
    found = space(OPEN.replace("{search: {low: 1e-4, high: 1e-2, log: true}}", "1e-3"))
    assert found.count == (2 + 1) * (1 + 3 + 1)


def test_a_choice_makes_a_recipe_in_which_nothing_is_open_and_whose_values_keep_their_places():
    drawn = space(OPEN).drawn(
        {"step 1": "prune", "step 2": "ptq-2", "training.learning_rate": 0.003,
         "steps.prune.with.final_sparsity": 0.8, "steps.ptq-2.with.precision": "dynamic"}
    )  # fmt: skip
    assert drawn.plain()["steps"] == [
        {"uses": "prune", "with": {"final_sparsity": 0.8, "epochs": 1}},
        {"uses": "ptq", "with": {"precision": "dynamic"}},
    ]
    assert drawn.plain()["training"] == {"learning_rate": 0.003}
    assert drawn.plain()["constraints"] == {"stages": {"prune": {"min_sparsity": 0.4}}}  # 'small' is not taken
    origin = drawn.find(("steps", 0, "with", "final_sparsity")).origin
    assert (origin.line, origin.column) == (9, 43)
    assert validated(drawn, "recipe").steps[1].with_ == {"precision": "dynamic"}


def test_steps_that_are_left_out_are_not_in_the_recipe_and_several_may_be_taken_together():
    drawn = space(OPEN).drawn({"step 1": LEFT_OUT, "step 2": "qat -> ptq", "training.learning_rate": 1e-3})
    assert [step["uses"] for step in drawn.plain()["steps"]] == ["qat", "ptq"]
    assert drawn.plain()["constraints"] == {"stages": {}}


def test_a_recipe_that_leaves_something_open_is_refused_where_one_is_needed_that_does_not():
    with pytest.raises(OpenRecipeError) as caught:
        load(RecipeText("mine.yaml", OPEN))
    assert str(caught.value).splitlines()[0] == (
        "mine.yaml:5:18: error: 'training.learning_rate' is left open, which only a search can fill in; "
        "run `compressor search mine.yaml`, or write one value"
    )
    assert caught.value.exit_code == 2
    with pytest.raises(OpenRecipeError, match=r"'steps\.0\.optional' is left open"):
        load(RecipeText("mine.yaml", HEAD + "steps: [{uses: ptq, optional: false}]"))


def test_an_override_may_leave_a_value_open_or_close_it():
    text = HEAD + "steps: [{uses: prune, with: {final_sparsity: {search: [0.5, 0.8]}}}]"
    assert load(RecipeText("r", text), ["steps.prune.with.final_sparsity=0.6"]).steps[0].with_ == {
        "final_sparsity": 0.6
    }
    with pytest.raises(OpenRecipeError) as caught:
        load(RecipeText("r", HEAD + "steps: [{uses: prune}]"), ["steps.prune.with.final_sparsity={search: [0.5]}"])
    assert "run `compressor search RECIPE`" in str(caught.value)


def test_private_keys_may_hold_anything():
    assert load(RecipeText("r", HEAD + "x-notes: {search: [1]}\nsteps: [{uses: ptq, with: {x-a: {search: [1]}}}]"))


@pytest.mark.parametrize(
    ("steps", "found"),
    [
        ("[{uses: prune, with: {power: {search: 3}}}]",
         ["4:46", "'search' of 'steps.prune.with.power' takes a list of values, a range such as "
          "{low: 0.5, high: 0.9}, or auto"]),
        ("[{uses: prune, with: {power: {search: []}}}]",
         ["4:46", "'steps.prune.with.power' has no values to pick from; list some"]),
        ("[{uses: prune, with: {power: {search: {low: 2}}}}]",
         ["4:46", "the range of 'steps.prune.with.power' has no 'high'; add it"]),
        ("[{uses: prune, with: {power: {search: {lo: 2, high: 3}}}}]",
         ["4:47", "unknown key 'lo'; did you mean 'low'?"]),
        ("[{uses: prune, with: {power: {search: {low: 3, high: 2}}}}]",
         ["4:46", "'steps.prune.with.power': 'low' must be below 'high', and 3 is not below 2"]),
        ("[{uses: prune, with: {power: {search: {low: 1, high: 2, log: 1}}}}]",
         ["4:69", "'log' takes true or false"]),
        ("[{uses: prune, with: {power: {search: {low: a, high: 2}}}}]", ["4:52", "'low' takes a number"]),
        ("[{uses: prune, optional: maybe}]", ["4:33", "'optional' takes true or false"]),
        ("[{uses: prune, search: [1]}]",
         ["4:31", "'search' of a step takes auto; leave single values open in 'with', as in {bits: {search: [4, 8]}}"]),
        ("[{one_of: [{uses: prune}]}]", ["4:18", "'one_of' takes a list of two or more steps, or of lists of steps"]),
        ("[{one_of: [{uses: prune}, []]}]",
         ["4:18", "'one_of' takes a list of two or more steps, or of lists of steps"]),
        ("[{uses: ptq, one_of: [{uses: prune}, {uses: qat}]}]",
         ["4:10", "'uses' cannot stand beside 'one_of'; write it into each of its steps"]),
        ("[{one_of: [{uses: prune, optional: true}, {uses: qat}]}]",
         ["4:33", "'optional' cannot stand within 'one_of'; write it beside 'one_of', or list the steps there"]),
    ],
)  # fmt: skip
def test_what_is_left_open_in_a_wrong_way_is_told_where_it_stands(steps, found):
    assert problems(f"{HEAD}steps: {steps}") == [tuple(found)]


def test_what_cannot_be_left_open_is_told():
    with pytest.raises(RecipeError) as caught:
        load(yaml.safe_load(f"{HEAD}steps: []\nconstraints: {{max_size: {{search: [1 kB, 2 kB]}}}}"))
    assert [problem.message for problem in caught.value.problems] == [
        "'constraints.max_size' cannot be left open; a search takes values of 'with', 'train' and 'training' alone"
    ]


VALUES = st.lists(
    st.one_of(st.integers(-9, 9), st.floats(0.001, 1), st.sampled_from(["a", "b", None, True])),
    min_size=1, max_size=4, unique_by=lambda value: json.dumps(value),
)  # fmt: skip
RANGES = st.tuples(st.integers(0, 5), st.integers(6, 20)).map(lambda ends: {"low": ends[0], "high": ends[1]})
PARAMS = st.dictionaries(
    st.sampled_from("abcd"), st.one_of(st.integers(), st.builds(lambda s: {"search": s}, st.one_of(VALUES, RANGES)))
)
STEPS = st.builds(
    lambda uses, values, optional: {"uses": uses, "with": values, **({"optional": True} if optional else {})},
    st.sampled_from(["prune", "qat", "ptq"]), PARAMS, st.booleans(),
)  # fmt: skip
PLAIN = STEPS.map(lambda step: {key: value for key, value in step.items() if key != "optional"})
ENTRIES = st.one_of(
    STEPS, st.lists(st.one_of(PLAIN, st.lists(PLAIN, min_size=1, max_size=2)), min_size=2, max_size=3)
    .map(lambda inner: {"one_of": inner}),
)  # fmt: skip


@given(st.lists(ENTRIES, max_size=4), st.data())
def test_every_choice_of_every_space_makes_a_plain_recipe_that_is_read_back_as_it_was_written(steps, data):
    found = space(json.dumps({"version": 1, "model": {"source": "m"}, "data": {"source": "d"}, "steps": steps}))
    structure = {choice.name: data.draw(st.sampled_from(choice.search.values)) for choice in found.steps}
    values = {choice.name: data.draw(st.sampled_from(choice.search.every_value)) for choice in found.open_in(structure)}
    drawn = found.drawn({**structure, **values})
    recipe = validated(drawn, "recipe")
    assert load(yaml.safe_load(json.dumps(drawn.plain()))) == recipe.model_copy()
    for choice in found.open_in(structure):
        assert drawn.plain() is not None and values[choice.name] in choice.search.every_value
    assert found.count == sum(
        _product(choice.search.count for choice in found.open_in(one)) for one in found.every_structure()
    )


def _product(counts):
    total = 1
    for count in counts:
        total *= count
    return total


def test_a_tree_without_anything_open_is_a_space_of_one_recipe():
    tree = read_tree(RecipeText("r", HEAD + "steps: [{uses: ptq}]"))[0]
    assert (space_of(tree).count, space_of(tree).drawn({})) == (1, tree)
