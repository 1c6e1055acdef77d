"""Which trials are the best."""

from compressor.recipe.objectives import Goal
from compressor.search.trial_record import TrialRecord, closest, front_of

GOALS = (Goal("size", False, lambda _: None, str), Goal("accuracy", True, lambda _: None, str))


def done(number, *values, **misses):
    return TrialRecord(number, {}, "done", values, misses)


def test_the_front_has_the_trials_that_no_other_one_beats_and_of_equal_ones_the_first():
    records = [
        done(1, 10, 0.9), done(2, 8, 0.8), done(3, 10, 0.85), done(4, 8, 0.8), done(5, 12, 0.9), done(6, 5, 0.1),
        TrialRecord(7, {}, "failed"), TrialRecord(8, {}, "stopped"), done(9, 1, 1.0, max_size=0.2),
    ]  # fmt: skip
    assert [record.number for record in front_of(records, GOALS)] == [6, 2, 1]


def test_where_none_meets_the_constraints_there_is_no_front_and_the_closest_is_known():
    records = [TrialRecord(1, {}, "failed"), done(2, 9, 0.9, max_size=0.3), done(3, 9, 0.9, max_size=0.1, other=0.1)]
    assert front_of(records, GOALS) == []
    assert (closest(records).number, closest(records).missed) == (3, "max_size, other")
    assert closest(records[:1]) is None
