"""Trials hold early steps where these cost most: which ones, how often, and the same again after a kill."""

import json

import pytest

from compressor.planning.open_recipe import open_recipe
from compressor.planning.planner import resolve
from compressor.recipe.document import RecipeText
from compressor.recipe.objectives import Goal
from compressor.search import optuna_study
from compressor.search.held_steps import HeldSteps
from compressor.search.optuna_study import OptunaStudy
from compressor.search.trial_record import TrialRecord

HEAD = """\
version: 1
model: {source: mnist_cnn, train: {epochs: TRAINED}}
data: {source: mnist}
training: {TRAINING}
steps:
"""
SPARSITY = "steps.prune.with.final_sparsity"
SAMPLES = "steps.ptq.with.calibration_samples"
PRUNE = "  - {uses: prune, with: {final_sparsity: {search: {low: 0.5, high: 0.9}}, epochs: EPOCHS}}\n"
PTQ = "  - {uses: ptq, with: {calibration_samples: {search: {low: 5, high: 900}}}}\n"
GOALS = (Goal("size", False, lambda _: None, str), Goal("accuracy", True, lambda _: None, str))


@pytest.fixture
def opened(registry):
    """A function that reads an open recipe of these steps, and returns its space and what is held in it."""

    def read(steps, epochs=13, trained=50, training=""):
        text = (HEAD + steps).replace("EPOCHS", str(epochs))
        text = text.replace("TRAINED", str(trained)).replace("TRAINING", training)
        opened = open_recipe(RecipeText("r", text), (), registry)
        return opened.space, HeldSteps(opened.space, lambda assignment: resolve(opened.drawn(assignment), registry))

    return read


def told(held):
    return [(cut.steps, cut.early, cut.late, cut.trials) for cut in held.cuts]


@pytest.mark.parametrize(("epochs", "trials"), [(3, None), (4, 2), (11, 2), (12, 3), (23, 3), (24, 4), (900, 8)])
def test_the_more_early_steps_cost_the_more_late_ones_are_tried_with_each(opened, epochs, trials):
    _, held = opened(PRUNE + PTQ, epochs)
    expected = [] if trials is None else [(("prune",), epochs + 1.0, 2.0, trials)]
    assert told(held) == expected  # the baseline is the same in all trials, and costs them nothing


def test_nothing_is_held_where_nothing_late_or_nothing_early_is_open(opened):
    assert told(opened(PRUNE + "  - uses: ptq\n")[1]) == []
    assert told(opened("  - {uses: prune, with: {epochs: 13}}\n" + PTQ)[1]) == []


def test_what_is_open_for_all_trainings_makes_the_baseline_an_early_step(opened):
    rate = "learning_rate: {search: {low: 1e-4, high: 1e-2, log: true}}"
    _, held = opened("  - {uses: prune, with: {epochs: 5}}\n" + PTQ, trained=10, training=rate)
    assert told(held) == [(("baseline", "prune"), 17.0, 2.0, 3)]


def test_the_steps_are_parted_where_that_saves_most_and_rounds_and_branches_count(opened):
    qat = "  - {uses: qat, with: {epochs: 7, learning_rate: {search: {low: 1e-4, high: 1e-2, log: true}}}}\n"
    held = opened(PRUNE + qat + PTQ)[1]
    assert told(held) == [(("prune", "qat"), 22.0, 2.0, 3)]
    assert str(held.cuts[0]) == "prune, qat cost 92% of a trial; those of a good trial are tried 3 times"
    rounds = PRUNE.replace("epochs:", "rounds: 3, epochs:")
    assert told(opened(rounds + PTQ, 4)[1]) == [(("prune",), 13.0, 2.0, 3)]
    branches = PRUNE + "  - optional: true\n    uses: qat\n    with: {epochs: 3}\n  - uses: ptq\n"
    assert told(opened(branches)[1]) == [(("prune",), 14.0, 4.0, 2)]  # 2 for the trial and ptq, 4 or 0 for qat
    listed = "  - one_of:\n      - - " + PRUNE[4:] + "        - " + PTQ[4:] + "      - {uses: ptq}\n"
    assert told(opened(listed)[1]) == [(("prune",), 14.0, 2.0, 3)]  # a choice within a list of steps is late as well


def record(number, assignment):
    """A made-up result: fewer samples are worse, zeros make a smaller file; every fifth trial fails."""
    sparsity, samples = assignment[SPARSITY], assignment.get(SAMPLES, 50)
    if number % 5 == 4:
        return TrialRecord(number, assignment, "failed", reason="no")
    values = (10 - 9 * sparsity, samples / 900 - (sparsity - 0.6) ** 2)
    return TrialRecord(number, assignment, "done", values, {"max_size": max(0.0, 0.6 - sparsity)}, "", 1.0)


def tried(study, count):
    asked = []
    for _ in range(count):
        number, assignment = study.ask()
        study.tell(record(number, assignment))
        asked.append((number, assignment, study.held.get(number)))
    return asked


@pytest.mark.parametrize("sampler", ["tpe", "nsga2"])
def test_a_trial_holds_the_early_steps_of_one_of_the_best_until_these_were_tried_often_enough(
    opened, tmp_path, sampler
):
    space, held = opened(PRUNE + PTQ)
    trials = tried(OptunaStudy(tmp_path, space, GOALS, sampler, 0, held), 24)
    by_number = {number: assignment for number, assignment, _ in trials}
    records = [record(number, assignment) for number, assignment, _ in trials]
    holding = [(number, of) for number, _, of in trials if of]
    assert 5 <= len(holding) <= 16
    assert holding[0][0] == 6  # the first ones look around
    for number, of in holding:
        assert by_number[number][SPARSITY] == by_number[of][SPARSITY]
        assert by_number[number][SAMPLES] != by_number[of][SAMPLES]
        assert of < number
        assert records[of - 1].meets_all
    values = [assignment[SPARSITY] for assignment in by_number.values()]
    assert max(map(values.count, values)) == 3
    assert len(set(values)) == 24 - len(holding)


def test_a_search_that_is_killed_while_a_trial_is_chosen_holds_what_it_would_have_held(opened, tmp_path, monkeypatch):
    for name in ("whole", "cut"):
        (tmp_path / name).mkdir()

    space, held = opened(PRUNE + PTQ)

    def study(name):
        return OptunaStudy(tmp_path / name, space, GOALS, "tpe", 0, held)

    whole = tried(study("whole"), 12)
    choices_of, cut = optuna_study.choices_of, []

    def killed(trial, space):
        trial.suggest_float(SPARSITY, 0.5, 0.9)  # and no more of it
        raise KeyboardInterrupt

    for _ in range(12):
        monkeypatch.setattr(optuna_study, "choices_of", killed)
        with pytest.raises(KeyboardInterrupt):
            study("cut").ask()
        monkeypatch.setattr(optuna_study, "choices_of", choices_of)
        study("cut").ask()  # and is killed once more
        cut += tried(study("cut"), 1)
    assert cut == whole
    assert sum(of is not None for *_, of in whole) > 2
    assert study("cut").held == {number: of for number, _, of in whole if of}


def test_few_late_recipes_are_tried_once_each(opened, tmp_path):
    space, held = opened(PRUNE + "  - {uses: ptq, with: {precision: {search: [int8, float16, dynamic]}}}\n", 900)
    trials = tried(OptunaStudy(tmp_path, space, GOALS, "tpe", 0, held), 20)
    values = [assignment[SPARSITY] for _, assignment, _ in trials]
    assert max(map(values.count, values)) == 3  # of 3 recipes, though 8 trials were worth it
    assert len({json.dumps(assignment) for _, assignment, _ in trials}) == 20
