"""Recipes of earlier versions are brought up to date as text: comments and layout stay."""

import pytest

from compressor.recipe import migration
from compressor.recipe.load import load
from compressor.recipe.migration import Renamed, migrated
from compressor.recipe.problems import RecipeError

OLD = """# mine
version: 1   # of the language
network: {source: mnist_cnn}  # small
steps:
  - uses: prune
    options: {final_sparsity: 0.9}
  - uses: ptq   # last
"""
NEW = """# mine
version: 2   # of the language
model: {source: mnist_cnn}  # small
steps:
  - uses: prune
    with: {final_sparsity: 0.9}
  - uses: ptq   # last
"""


@pytest.fixture
def recipe(tmp_path):
    return tmp_path / "recipe.yaml"


def test_renamed_keys_are_replaced_where_they_stand(recipe, monkeypatch):
    monkeypatch.setattr(migration, "VERSION", 2)
    monkeypatch.setitem(
        migration.RENAMED, 1, (Renamed(("network",), "model"), Renamed(("steps", "*", "options"), "with"))
    )
    recipe.write_text(OLD)
    assert migrated(recipe) == (
        NEW,
        [
            f"{recipe}:3:1: 'network' is now 'model'",
            f"{recipe}:6:5: 'options' is now 'with'",
            f"{recipe}:2:10: version: 2, which was 1",
        ],
    )
    recipe.write_text(NEW)
    assert migrated(recipe) == (NEW, [])


def test_a_missing_version_is_added_in_front_of_the_first_key(recipe):
    recipe.write_text("# mine\n\nmodel: {source: mnist_cnn, train: {epochs: 1}}\ndata: {source: mnist}\n")
    text, changes = migrated(recipe)
    assert text == "# mine\n\nversion: 1\nmodel: {source: mnist_cnn, train: {epochs: 1}}\ndata: {source: mnist}\n"
    assert changes == [f"{recipe}:3:1: version: 1, which was missing"]
    recipe.write_text(text)
    assert load(recipe).version == 1


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("{model: {source: a}, data: {source: b}}\n", "{version: 1, model: {source: a}, data: {source: b}}\n"),
        (
            "# mine\n{\n  model: {source: a},  # small\n}\n",
            "# mine\n{\n  version: 1, model: {source: a},  # small\n}\n",
        ),
        ('{"model": {"source": "a"}}', '{version: 1, "model": {"source": "a"}}'),
        ("--- # mine\nmodel: {source: a}\n", "--- # mine\nversion: 1\nmodel: {source: a}\n"),
    ],
)
def test_a_version_is_added_in_braces_as_in_lines(recipe, text, wanted):
    recipe.write_text(text)
    assert migrated(recipe)[0] == wanted
    assert migrated_again(recipe, wanted) == (wanted, [])


def migrated_again(path, text):
    path.write_text(text)
    return migrated(path)


def test_a_key_that_aliases_share_is_renamed_once(recipe, monkeypatch):
    monkeypatch.setattr(migration, "VERSION", 2)
    monkeypatch.setitem(migration.RENAMED, 1, (Renamed(("steps", "*", "options"), "with"),))
    recipe.write_text("version: 1\nsteps: [&a {uses: prune, options: {x: 1}}, *a]\n")
    text, changes = migrated(recipe)
    assert text == "version: 2\nsteps: [&a {uses: prune, with: {x: 1}}, *a]\n"
    assert len(changes) == 2


def test_a_key_whose_new_name_is_there_already_has_to_be_renamed_by_hand(recipe, monkeypatch):
    monkeypatch.setattr(migration, "VERSION", 2)
    monkeypatch.setitem(migration.RENAMED, 1, (Renamed(("network",), "model"),))
    recipe.write_text("version: 1\nnetwork: {source: a}\nmodel: {source: b}\n")
    with pytest.raises(RecipeError) as caught:
        migrated(recipe)
    assert [problem.message for problem in caught.value.problems] == [
        "this has to be changed by hand: version: 2, which was 1",
        "this has to be changed by hand: 'network' is now 'model'",
    ]


def test_a_recipe_that_extends_another_has_its_version(recipe):
    recipe.write_text("extends: prune_qat\n")
    assert migrated(recipe) == ("extends: prune_qat\n", [])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("version: 2\n", "1:10: error: this compressor knows the recipe language up to version 1; update compressor"),
        ("version: x\n", "1:10: error: there is no such version of the recipe language; versions go from 1 to 1"),
        ("- 1\n", "1:1: error: the recipe is not a mapping of keys to values; there is no version in it"),
    ],
)
def test_what_has_no_version_that_exists_is_refused(recipe, text, said):
    recipe.write_text(text)
    with pytest.raises(RecipeError) as caught:
        migrated(recipe)
    assert str(caught.value).splitlines()[0] == f"{recipe}:{said}"
