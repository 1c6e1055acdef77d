"""Keys that begin with `x-` hold anchors and notes, at every level."""

from compressor.recipe.load import load
from compressor.recipe.problems import RecipeError


def test_they_hold_what_anchors_refer_to_and_mean_nothing_themselves(write):
    recipe = load(
        write("""\
            version: 1
            x-common: &common {epochs: 2, x-why: "longer helps little"}
            model: {source: m, x-note: 1, train: *common}
            data: {source: d, with: {x-a: {b: 1}, c: [{x-d: 1, e: 2}]}}
            steps: [{uses: prune, x-id: 3, with: *common}]
            constraints: {x-todo: later}
        """)
    )
    assert recipe.tree.plain() == {
        "version": 1,
        "model": {"source": "m", "train": {"epochs": 2}},
        "data": {"source": "d", "with": {"c": [{"e": 2}]}},
        "steps": [{"uses": "prune", "with": {"epochs": 2}}],
        "constraints": {},
        "name": "recipe",
    }


def test_they_may_stand_in_a_recipe_that_is_extended(write):
    write("version: 1\nx-a: {b: 1}\nmodel: {source: m}\ndata: {source: d}\n", "base.yaml")
    assert "x-a" not in load(write("extends: base.yaml\nx-a: 2\n")).tree.plain()


def test_other_keys_are_still_unknown(write):
    for key in ("x", "x_note", "X-note"):
        try:
            load(write(f"version: 1\nmodel: {{source: m}}\ndata: {{source: d}}\n{key}: 1\n"))
        except RecipeError as error:
            assert f"unknown key '{key}'" in str(error)
        else:
            raise AssertionError(key)
