"""What Optuna is asked and told: the same again with the same seed, also after a kill, and never twice."""

import importlib.util
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compressor.recipe.document import RecipeText
from compressor.recipe.load import read_tree
from compressor.recipe.objectives import Goal
from compressor.recipe.search_space import space_of
from compressor.search import optuna_study
from compressor.search.optuna_study import SAMPLERS, OptunaStudy, SearchError
from compressor.search.trial_record import TrialRecord

TEXT = """\
version: 1
model: {source: m}
data: {source: d}
steps:
  - {uses: prune, optional: true, with: {final_sparsity: {search: RANGE}, power: {search: [1, 2, [3]]}}}
  - one_of: [{uses: ptq, with: {bits: {search: {low: 2, high: 8, step: 2}}}}, {uses: cluster}]
"""
SPACE = space_of(read_tree(RecipeText("r", TEXT.replace("RANGE", "{low: 0.5, high: 0.9}")))[0])
FINITE = space_of(read_tree(RecipeText("r", TEXT.replace("RANGE", "{low: 0.5, high: 0.6, step: 0.05}")))[0])
GOALS = (Goal("size", False, lambda _: None, str), Goal("accuracy", True, lambda _: None, str))


def record(number, assignment):
    """A made-up result that depends on what was tried alone."""
    size = 10.0 + 7 * ("cluster" in assignment.values()) - 3 * assignment.get("steps.prune.with.final_sparsity", 0)
    accuracy = 0.9 - size / 100
    state = "failed" if number == 3 else "stopped" if number == 5 else "done"
    values = (size, accuracy) if state == "done" else ()
    misses = {} if state == "failed" else {"max_size": max(0.0, size - 12)}
    return TrialRecord(number, assignment, state, values, misses, "", 1.0)


def tried(study, count):
    asked = []
    for _ in range(count):
        number, assignment = study.ask()
        study.tell(record(number, assignment))
        asked.append((number, assignment))
    return asked


@pytest.mark.parametrize("sampler", ["tpe", "random", "nsga2"])
def test_the_same_seed_gives_the_same_trials_also_where_the_search_is_opened_again_after_each(tmp_path, sampler):
    for name in ("whole", "cut", "other"):
        (tmp_path / name).mkdir()
    whole = tried(OptunaStudy(tmp_path / "whole", SPACE, GOALS, sampler, 0), 14)
    cut = []
    for _ in range(14):
        OptunaStudy(tmp_path / "cut", SPACE, GOALS, sampler, 0).ask()  # and is killed
        cut += tried(OptunaStudy(tmp_path / "cut", SPACE, GOALS, sampler, 0), 1)
    assert cut == whole
    assert [number for number, _ in whole] == list(range(1, 15))
    assert tried(OptunaStudy(tmp_path / "other", SPACE, GOALS, sampler, 1), 14) != whole
    assert len({json.dumps(assignment) for _, assignment in whole}) > 7


def test_what_was_told_is_read_back(tmp_path):
    study = OptunaStudy(tmp_path, SPACE, GOALS, "tpe", 0)
    asked = tried(study, 6)
    assert OptunaStudy(tmp_path, SPACE, GOALS, "tpe", 0).records == [record(*one) for one in asked]


def test_a_journal_that_was_cut_in_a_line_goes_on_from_what_is_whole(tmp_path):
    asked = tried(OptunaStudy(tmp_path, SPACE, GOALS, "tpe", 0), 6)
    journal = tmp_path / "journal.log"
    content = journal.read_bytes()
    (tmp_path / "journal.log.lock").symlink_to(journal)  # as a process leaves it that is killed while it writes
    journal.write_bytes(content[:-20])
    study = OptunaStudy(tmp_path, SPACE, GOALS, "tpe", 0)
    assert study.records == [record(*one) for one in asked[:5]]
    assert tried(study, 1) == asked[5:]


def test_a_grid_tries_every_recipe_once_in_order_and_then_nothing_is_left(tmp_path):
    study = OptunaStudy(tmp_path, FINITE, GOALS, "grid", 0)
    asked = []
    while not study.is_exhausted:
        asked += tried(study, 1)
        study = OptunaStudy(tmp_path, FINITE, GOALS, "grid", 0)
    assert len(asked) == FINITE.count == (3 * 3 + 1) * (4 + 1)
    assert len({json.dumps(assignment) for _, assignment in asked}) == FINITE.count
    assert asked[0][1] == {
        "step 1": "prune", "step 2": "ptq", "steps.prune.with.final_sparsity": 0.5,
        "steps.prune.with.power": 1, "steps.ptq.with.bits": 2,
    }  # fmt: skip
    assert asked[1][1]["steps.ptq.with.bits"] == 4


def test_a_grid_of_numbers_without_end_is_refused(tmp_path):
    with pytest.raises(SearchError) as caught:
        OptunaStudy(tmp_path, SPACE, GOALS, "grid", 0)
    assert str(caught.value) == (
        "a grid needs a range with an end, and 'steps.prune.with.final_sparsity' has numbers without end; "
        "give it a 'step' or a list of values, or choose another sampler"
    )


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 2**31 - 1), st.sampled_from(SAMPLERS))
def test_what_is_asked_lies_in_the_space_and_says_all_that_matters_and_no_more(tmp_path_factory, seed, sampler):
    study = OptunaStudy(tmp_path_factory.mktemp("study"), FINITE, GOALS, sampler, seed)
    for _, assignment in tried(study, 3):
        open_ones = [*FINITE.steps, *FINITE.open_in(assignment)]
        assert sorted(assignment) == sorted(choice.name for choice in open_ones)
        for choice in open_ones:
            assert assignment[choice.name] in choice.search.every_value
        assert FINITE.drawn(assignment).plain()["steps"]


def test_a_search_without_optuna_says_what_to_install(monkeypatch):
    monkeypatch.setattr(optuna_study, "find_spec", lambda name: None)
    with pytest.raises(SearchError) as caught:
        optuna_study.refuse_without_optuna()
    assert str(caught.value) == ("a search needs Optuna, which is not installed; run: pip install 'compressor[search]'")
    assert caught.value.exit_code == 2
    assert importlib.util.find_spec("optuna")


def test_what_fails_is_not_tried_again_and_again(tmp_path):
    text = TEXT.partition("steps:")[0] + "steps: [{uses: ptq, with: {precision: {search: [a, b, bad]}, SIZE}}]\n"
    space = space_of(read_tree(RecipeText("r", text.replace("SIZE", "scale: {search: {low: 0.0, high: 1.0}}")))[0])
    study = OptunaStudy(tmp_path, space, GOALS, "tpe", 0)
    failed = []
    for _ in range(40):
        number, assignment = study.ask()
        scale = assignment["steps.ptq.with.scale"]
        fails = assignment["steps.ptq.with.precision"] == "bad"
        failed += [number] if fails else []
        values = () if fails else (scale, 0.9 - (scale - 0.3) ** 2)
        study.tell(TrialRecord(number, assignment, "failed" if fails else "done", values, {}, "no" * fails, 1.0))
    assert len([number for number in failed if number > 20]) <= 6  # all of them, where failures are forgotten
    assert [
        one.number for one in OptunaStudy(tmp_path, space, GOALS, "tpe", 0).records if one.state == "failed"
    ] == failed


def test_importances_find_the_choice_that_decides_and_are_not_told_of_few_trials(tmp_path):
    text = TEXT.partition("steps:")[0] + "steps: [{uses: ptq, with: {little: SPAN, much: SPAN}}]\n"
    space = space_of(read_tree(RecipeText("r", text.replace("SPAN", "{search: {low: 0.0, high: 1.0}}")))[0])
    study = OptunaStudy(tmp_path, space, GOALS, "random", 0)
    for count in range(40):
        number, assignment = study.ask()
        much, little = (assignment[f"steps.ptq.with.{name}"] for name in ("much", "little"))
        study.tell(TrialRecord(number, assignment, "done", (much + 0.01 * little, 1.0), {}, "", 1.0))
        if count == 3:
            assert study.importances() == ({}, {})
    size, accuracy = study.importances()
    assert size["steps.ptq.with.much"] > 0.8
    assert sum(size.values()) == pytest.approx(1)
    assert accuracy == {} or sum(accuracy.values()) == pytest.approx(1)
