"""The first recipes of a search lie evenly in its space, and each seed has others."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compressor.recipe.document import RecipeText
from compressor.recipe.load import read_tree
from compressor.recipe.objectives import Goal
from compressor.recipe.search_space import space_of
from compressor.search.optuna_study import OptunaStudy
from compressor.search.spread_points import spread_point
from compressor.search.trial_record import TrialRecord

HEAD = "version: 1\nmodel: {source: m}\ndata: {source: d}\nsteps:\n"
SIZE = "steps.entropy.with.max_size"
GOALS = (Goal("size", False, lambda _: None, str), Goal("accuracy", True, lambda _: None, str))


def space(steps):
    return space_of(read_tree(RecipeText("r", HEAD + steps))[0])


ONE = space("  - {uses: entropy, with: {max_size: {search: {low: 1000, high: 8000, log: true}}}}\n")
SEVERAL = space(
    "  - {uses: prune, optional: true, with: {rate: {search: {low: 0.1, high: 0.9}}, power: {search: [1, 2]}}}\n"
    "  - one_of: [{uses: ptq, with: {bits: {search: {low: 2, high: 8, step: 2}}}}, {uses: cluster}]\n"
)


@pytest.mark.parametrize("seed", range(20))
def test_nine_sizes_leave_no_gap_of_a_quarter_of_the_range(seed):
    places = sorted(math.log(spread_point(ONE, number, seed)[SIZE] / 1000) / math.log(8) for number in range(9))
    edges = [0.0, *places, 1.0]
    assert max(after - before for before, after in pairwise(edges)) < 0.25
    assert min(after - before for before, after in pairwise(places)) > 0.03


@given(st.integers(0, 10_000), st.integers(0, 2**31 - 1))
def test_every_point_is_a_recipe_of_the_space(number, seed):
    point = spread_point(SEVERAL, number, seed)
    structure = {choice.name: point[choice.name] for choice in SEVERAL.steps}
    assert structure in list(SEVERAL.every_structure())
    assert set(point) == {*structure, *(choice.name for choice in SEVERAL.open_in(structure))}
    for choice in SEVERAL.open_in(structure):
        value = point[choice.name]
        assert value in choice.search.every_value or choice.search.low <= value <= choice.search.high


def test_each_option_comes_about_as_often():
    points = [spread_point(SEVERAL, number, 3) for number in range(40)]
    for choice in SEVERAL.steps:
        counts = [sum(point[choice.name] == option for point in points) for option in choice.search.values]
        assert min(counts) >= 16


def test_the_first_ten_trials_of_tpe_are_spread_and_those_of_random_are_not(tmp_path):
    asked = {}
    for sampler in ("tpe", "random"):
        (tmp_path / sampler).mkdir()
        study = OptunaStudy(tmp_path / sampler, ONE, GOALS, sampler, 5)
        asked[sampler] = []
        for _ in range(12):
            number, assignment = study.ask()
            asked[sampler].append(assignment)
            study.tell(TrialRecord(number, assignment, "done", (assignment[SIZE], 0.5), {}, "", 1.0))
    spread = [spread_point(ONE, number, 5) for number in range(12)]
    assert asked["tpe"][:10] == spread[:10]
    assert asked["tpe"][10:] != spread[10:]
    assert asked["random"][:10] != spread[:10]
