"""The best so far is whole on the disk at any time, and is the smallest within the limits, or else the closest."""

import pytest

from compressor.planning.open_recipe import open_recipe
from compressor.recipe.document import RecipeText
from compressor.recipe.load import load
from compressor.recipe.objectives import Goal
from compressor.search import best_so_far
from compressor.search.best_so_far import BestSoFar
from compressor.search.trial_record import TrialRecord

GOALS = (Goal("size", False, lambda _: None, "{:.0f} B".format), Goal("accuracy", True, lambda _: None, str))
TEXT = """\
version: 1
model: {source: mnist_cnn, train: {epochs: 1}}
data: {source: mnist}
steps: [{uses: ptq, with: {precision: {search: [int8, float16]}}}, {uses: slim}]
"""


@pytest.fixture
def best(registry, tmp_path):
    """A function that begins, or goes on, in the same folder."""

    def begin():
        opened = open_recipe(RecipeText("r", TEXT), (), registry)
        return BestSoFar(tmp_path / "s", opened, GOALS, " --seed 3", {"ptq": "fewer bits", "slim": "no names"})

    (tmp_path / "s").mkdir()
    return begin


def done(number, *values, **misses):
    return TrialRecord(number, {"steps.ptq.with.precision": "float16"}, "done", values, misses)


def offer(best, record, tmp_path):
    folder = tmp_path / "trial"
    folder.mkdir(exist_ok=True)
    (folder / "model.tflite").write_bytes(f"model {record.number}".encode())
    return best.offer(record, folder)


def test_of_trials_that_meet_the_limits_the_smallest_is_kept_and_of_equal_ones_the_better(best, tmp_path):
    kept = best()
    offers = [done(1, 9, 0.9, drop=0.4), done(2, 9, 0.9, drop=0.1), done(3, 2, 0.9, drop=0.2), done(4, 20, 0.8),
              done(5, 21, 0.9), done(6, 20, 0.85), done(7, 20, 0.85), TrialRecord(8, {}, "failed")]  # fmt: skip
    assert [offer(kept, record, tmp_path) for record in offers] == [True, True, False, True, False, True, False, False]
    assert (kept.record.number, kept.path) == (6, tmp_path / "s" / "best-so-far" / "trial-6")
    assert sorted(path.name for path in kept.path.iterdir()) == ["model.tflite", "recipe.yaml"]
    assert (kept.path / "model.tflite").read_bytes() == b"model 6"
    assert [path.name for path in kept.path.parent.iterdir()] == ["trial-6"]


def test_its_recipe_is_plain_and_says_what_was_chosen_and_why(best, tmp_path):
    kept = best()
    offer(kept, done(4, 20, 0.8), tmp_path)
    text = (kept.path / "recipe.yaml").read_text()
    assert text.startswith(
        "# Trial 4 of a search: size 20 B, accuracy 0.8, on the validation split.\n"
        '#   steps.ptq.with.precision: "float16"\n'
        "# To make it again: compressor apply recipe.yaml --seed 3\n"
        "version: 1\n"
    )
    assert "- uses: ptq  # fewer bits\n  with:\n    precision: float16\n- uses: slim  # no names\n" in text
    assert [step.uses for step in load(kept.path / "recipe.yaml").steps] == ["ptq", "slim"]


def test_a_search_that_goes_on_knows_its_best_and_removes_what_a_kill_left(best, tmp_path):
    first = best()
    offer(first, done(1, 20, 0.8), tmp_path)
    half = first.path.with_name(".trial-2.0123456789ab.tmp")
    half.mkdir()
    again = best()
    again.recall([done(1, 20, 0.8), TrialRecord(2, {}, "failed")], tmp_path / "s" / "best")
    assert (again.path, half.exists()) == (first.path, False)
    assert not offer(again, done(3, 21, 0.8), tmp_path)
    again.remove()
    assert again.path is None


def test_while_a_new_best_is_written_the_one_before_it_is_there(best, tmp_path, monkeypatch):
    kept = best()
    offer(kept, done(1, 20, 0.8), tmp_path)
    write = best_so_far.write_whole

    def full(path, content):
        write(path, content)
        assert (tmp_path / "s/best-so-far/trial-1/model.tflite").read_bytes() == b"model 1"
        if path.name == "recipe.yaml":
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(best_so_far, "write_whole", full)
    with pytest.raises(OSError, match="No space"):
        offer(kept, done(2, 10, 0.8), tmp_path)
    assert [path.name for path in (tmp_path / "s/best-so-far").iterdir()] == ["trial-1"]
    assert kept.record.number == 1


def test_a_search_that_goes_on_after_its_end_has_its_answer_as_the_best_so_far(best, tmp_path):
    answer = tmp_path / "s" / "best"
    answer.mkdir()
    (answer / "model.tflite").write_bytes(b"the answer")
    for number, is_taken in ((2, False), (1, True)):
        answer.with_suffix(".yaml").write_text(f"# Trial {number} of a search\n")
        again = best()
        again.recall([done(1, 20, 0.8), done(2, 20, 0.7)], answer)
        assert (again.path is not None) == is_taken
    assert not offer(again, done(1, 20, 0.8), tmp_path)
    assert (again.path / "model.tflite").read_bytes() == b"the answer"


def test_a_trial_that_was_published_and_not_counted_before_a_kill_stays_as_it_is(best, tmp_path):
    offer(best(), done(2, 20, 0.8), tmp_path)
    again = best()
    again.recall([done(1, 30, 0.8)], tmp_path / "s" / "best")
    assert again.path == tmp_path / "s/best-so-far/trial-2"
    assert offer(again, done(2, 20, 0.8), tmp_path)
    assert [path.name for path in again.path.parent.iterdir()] == ["trial-2"]
