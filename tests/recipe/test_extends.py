from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compressor.base.text import listing
from compressor.recipe import shipped
from compressor.recipe.extends import first_free, merge, step_ids
from compressor.recipe.load import load
from compressor.recipe.problems import RecipeError
from compressor.recipe.tree import from_data

BASE = """\
version: 1
name: base
model: {source: mnist_cnn, train: {epochs: 10}}
data: {source: mnist, validation_split: 0.2}
training:
  learning_rate: 1e-3
  batch_size: 64
steps:
  - uses: prune
  - uses: ptq
"""
DATA = st.recursive(
    st.integers() | st.text("ab"),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.sampled_from("abc"), below, max_size=3),
    max_leaves=10,
)
MAPPINGS = st.dictionaries(st.sampled_from("abc"), DATA, max_size=3)


def test_mappings_merge_and_lists_are_replaced(write):
    write(BASE, "base.yaml")
    path = write("extends: base.yaml\nname: mine\ntraining: {batch_size: 32}\nsteps:\n  - uses: qat\n")
    assert load(path).tree.plain() == {
        "version": 1,
        "name": "mine",
        "model": {"source": "mnist_cnn", "train": {"epochs": 10}},
        "data": {"source": "mnist", "validation_split": 0.2},
        "training": {"learning_rate": 0.001, "batch_size": 32},
        "steps": [{"uses": "qat"}],
    }


def test_each_value_still_knows_the_file_and_the_place_it_came_from(write):
    write(BASE, "shared/base.yaml")
    tree = load(write("extends: shared/base.yaml\ntraining: {batch_size: 32}\n")).tree
    places = {
        route: str(tree.find(route).origin) for route in (("training", "batch_size"), ("training", "learning_rate"))
    }
    assert places == {
        ("training", "batch_size"): "recipe.yaml:2:24",
        ("training", "learning_rate"): "shared/base.yaml:6:18",
    }
    assert tree.find(("model", "source")).origin.source.folder == Path.cwd() / "shared"


def test_what_is_wrong_in_a_base_is_told_where_it_stands_together_with_the_rest(write, refusal):
    write(BASE.replace("batch_size: 64", "bach_size: 64"), "base.yaml")
    assert refusal("extends: base.yaml\nnmae: mine\n") == (
        "base.yaml:7:3: error: unknown key 'bach_size'; did you mean 'batch_size'?\n"
        "    7 |   bach_size: 64\n"
        "      |   ^^^^^^^^^\n"
        "recipe.yaml:2:1: error: unknown key 'nmae'; did you mean 'name'?\n"
        "    2 | nmae: mine\n"
        "      | ^^^^"
    )


def test_keys_given_twice_in_several_files_are_all_told(write, refusal):
    write(BASE + "name: again\n", "base.yaml")
    assert [line for line in refusal("extends: base.yaml\nname: a\nname: b\n").splitlines() if "error" in line] == [
        "base.yaml:11:1: error: 'name' is given twice (first on line 2); keep one",
        "recipe.yaml:3:1: error: 'name' is given twice (first on line 2); keep one",
    ]


def test_a_recipe_that_ships_is_extended_by_its_bare_name(write):
    recipe = load(write("extends: baseline\nsteps: [{uses: ptq}]\n", "mine.yaml"))
    assert (recipe.name, recipe.model.source) == ("baseline", "mnist_cnn")


def test_a_recipe_named_as_the_one_that_ships_can_extend_it(write):
    assert load(write("extends: baseline\nname: mine\n", "prune.yaml")).name == "mine"


def test_paths_start_at_the_folder_of_the_file_that_holds_them(write):
    write(BASE, "base.yaml")
    write("extends: ../base.yaml\nname: middle\n", "middle/middle.yaml")
    assert load(write("extends: ../middle/middle.yaml\ndescription: top\n", "top/top.yaml")).name == "middle"


def test_python_data_can_extend_too(write):
    write(BASE, "base.yaml")
    assert load({"extends": "base.yaml", "name": "mine"}).training.batch_size == 64
    with pytest.raises(RecipeError) as caught:
        load({"extends": "basline.yaml"})
    assert str(caught.value) == "error: there is no recipe 'basline.yaml' to extend; did you mean 'baseline'?"


def test_a_base_that_is_not_there_is_told_at_the_link(refusal):
    assert refusal("version: 1\nextends: baselin.yaml\n") == (
        "recipe.yaml:2:10: error: there is no recipe 'baselin.yaml' to extend; did you mean 'baseline'?\n"
        "    2 | extends: baselin.yaml\n"
        "      |          ^^^^^^^^^^^^"
    )
    assert refusal("extends: somewhere/else.yaml\n").splitlines()[0] == (
        "recipe.yaml:1:10: error: there is no recipe 'somewhere/else.yaml' to extend; known: "
        + listing(shipped.names())
    )


@pytest.mark.parametrize("link", ["null", "1", "''", "[a.yaml, b.yaml]", "{a: b}", "true"])
def test_extends_takes_one_text(refusal, link):
    assert refusal(f"extends: {link}\n").splitlines()[0] == (
        "recipe.yaml:1:10: error: 'extends' takes one recipe; write its path or its name"
    )


def test_a_circle_is_told_at_the_link_that_closes_it(write, refusal):
    write("extends: b.yaml\n", "a.yaml")
    write("version: 1\nextends: a.yaml\n", "b.yaml")
    assert refusal("extends: a.yaml\n") == (
        "b.yaml:2:10: error: 'extends' goes in a circle (recipe.yaml -> a.yaml -> b.yaml -> a.yaml); break it here\n"
        "    2 | extends: a.yaml\n"
        "      |          ^^^^^^"
    )
    assert refusal("extends: recipe.yaml").splitlines()[0] == (
        "recipe.yaml:1:10: error: 'extends' goes in a circle (recipe.yaml -> recipe.yaml); break it here"
    )


def test_a_circle_by_another_name_for_the_same_file_is_one(here, write, refusal):
    (here / "link.yaml").symlink_to("recipe.yaml")
    assert "'extends' goes in a circle" in refusal("extends: link.yaml")
    assert "'extends' goes in a circle" in refusal("extends: ./././recipe.yaml")


def test_a_chain_that_is_too_long_is_refused(write, refusal):
    for number in range(40):
        write(f"extends: r{number + 1}.yaml\n", f"r{number}.yaml")
    assert refusal("extends: r0.yaml\n").splitlines()[0] == (
        "r14.yaml:1:10: error: more than 16 recipes extend one another; flatten them"
    )


def test_sixteen_recipes_in_a_chain_are_fine(write):
    for number in range(14):
        write(f"extends: r{number + 1}.yaml\n", f"r{number}.yaml")
    write(BASE, "r14.yaml")
    assert load(write("extends: r0.yaml\n")).name == "base"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"\0", "base.yaml: is a binary file; name a recipe, which is YAML text in UTF-8"),
        (b"\xff", "base.yaml: is not UTF-8 text (line 1); save it as UTF-8"),
        (b" " * 1_000_001, "base.yaml: is larger than 1,000,000 bytes; a recipe is a short text, so name another file"),
    ],
)
def test_a_base_that_is_no_text_is_told_at_the_link(write, refusal, content, problem):
    write(content, "base.yaml")
    assert refusal("extends: base.yaml\n") == (
        f"recipe.yaml:1:10: error: {problem}\n    1 | extends: base.yaml\n      |          ^^^^^^^^^"
    )


def test_a_base_that_is_a_folder_is_told_at_the_link(write, refusal):
    write("", "shared/recipe.yaml")
    assert refusal("extends: shared\n").splitlines()[0] == (
        "recipe.yaml:1:10: error: shared: is a folder; name a recipe file in it"
    )


@pytest.mark.parametrize("base", ["- a\n", "text\n", "1\n", "# nothing\n"])
def test_a_base_that_is_no_mapping_is_told(write, refusal, base):
    write(base, "base.yaml")
    assert refusal("extends: base.yaml\nname: x\nversion: 1\nmodel: {source: mnist_cnn}\n").splitlines()[0] == (
        "base.yaml:1:1: error: an extended recipe must be a mapping of keys to values; start it with 'version: 1'"
    )


def test_what_is_wrong_before_a_link_breaks_is_told_as_well(refusal):
    assert [line for line in refusal("name: a\nname: b\nextends: nowhere\n").splitlines() if "error" in line] == [
        "recipe.yaml:2:1: error: 'name' is given twice (first on line 1); keep one",
        "recipe.yaml:3:10: error: there is no recipe 'nowhere' to extend; known: " + listing(shipped.names()),
    ]


def test_merging_makes_nothing_of_what_is_no_mapping():
    for base, over in [({"a": 1}, [1]), ([1], {"a": 1}), ([1, 2], [3]), (1, None), ({"a": 1}, None)]:
        assert merge(from_data(base), from_data(over)) == from_data(over)


@given(MAPPINGS, MAPPINGS)
def test_a_merge_holds_all_keys_and_the_upper_values(base, over):
    merged = merge(from_data(base), from_data(over)).plain()
    assert merged.keys() == base.keys() | over.keys()
    for key, value in over.items():
        if not (isinstance(value, dict) and isinstance(base.get(key), dict)):
            assert merged[key] == value


@given(MAPPINGS)
def test_a_merge_with_nothing_or_itself_changes_nothing(data):
    tree, nothing = from_data(data), from_data({})
    assert merge(tree, nothing) == merge(nothing, tree) == merge(tree, tree) == tree


def only_mappings(depth):
    leaves = st.integers()
    return leaves if depth == 0 else st.dictionaries(st.sampled_from("abc"), only_mappings(depth - 1), max_size=3)


@given(only_mappings(3), only_mappings(3), only_mappings(3))
def test_a_chain_of_merges_may_be_made_from_either_end(first, second, third):
    """Where a key holds mappings of one depth: a scalar between two mappings hides the lower one, as it should."""
    a, b, c = map(from_data, (first, second, third))
    assert merge(merge(a, b), c) == merge(a, merge(b, c))


@pytest.mark.parametrize(
    ("steps", "ids"),
    [
        ([{"uses": "prune"}, {"uses": "qat"}, {"uses": "prune"}], ["prune", "qat", "prune-2"]),
        ([{"uses": "prune"}, {"id": "prune"}], ["prune-2", "prune"]),
        ([{"uses": "prune"}, {"id": "prune-2"}, {"uses": "prune"}], ["prune", "prune-2", "prune-3"]),
        ([{"id": "a", "uses": "x"}, {"id": "a", "uses": "x"}], ["a", "a"]),
        ([{}, "text", {"uses": 1}, {"id": "", "uses": "ptq"}], ["step-1", "step-2", "step-3", "ptq"]),
        ([], []),
    ],
)
def test_steps_go_by_their_id_or_their_strategy_numbered_where_it_repeats(steps, ids):
    assert step_ids(from_data(steps)) == ids


@pytest.mark.parametrize("steps", [None, "prune", 1, {"uses": "prune"}])
def test_what_is_no_list_has_no_steps(steps):
    assert step_ids(from_data(steps)) == []


def test_ten_thousand_steps_are_numbered_soon():
    assert step_ids(from_data([{"uses": "prune"}] * 10_000))[-1] == "prune-10000"


def test_the_first_free_name_is_the_name_itself_or_the_lowest_number():
    assert first_free("a", []) == "a"
    assert first_free("a", ["a", "a-2", "a-4"]) == "a-3"
