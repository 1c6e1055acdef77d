from pathlib import Path

from compressor.recipe import shipped


def test_recipes_that_ship_go_by_their_bare_names():
    assert "prune_qat" in shipped.names()
    assert shipped.names() == sorted(shipped.names())
    for name in shipped.names():
        assert shipped.find(name) == shipped.find(f"{name}.yaml") == shipped.folder() / f"{name}.yaml"


def test_a_path_is_found_from_where_one_stands_or_from_the_folder_given(write):
    write("", "a/recipe.yaml")
    assert shipped.find("a/recipe.yaml") == Path("a/recipe.yaml")
    assert shipped.find("recipe.yaml", start=Path("a")) == Path("a/recipe.yaml")
    assert shipped.find("recipe.yaml") is None


def test_a_file_comes_before_a_recipe_that_ships_and_a_folder_after_it(here, write):
    write("", "prune.yaml")
    (here / "qat").mkdir()
    assert shipped.find("prune.yaml") == Path("prune.yaml")
    assert shipped.find("prune") == shipped.folder() / "prune.yaml"
    assert shipped.find("qat") == shipped.folder() / "qat.yaml"


def test_what_no_system_takes_as_a_path_is_not_found():
    assert shipped.find("a\0b") is None
    assert shipped.find("x" * 100_000) is None
