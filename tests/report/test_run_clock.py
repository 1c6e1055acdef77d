"""How far a run is, and how long the rest may take."""

from types import SimpleNamespace

import pytest

import compressor
from compressor.report.run_clock import RunClock

RECIPE = {
    "version": 1,
    "model": {"source": "mnist_cnn", "train": {"epochs": 2}},
    "data": {"source": "mnist"},
    "training": {"batch_size": 100},
    "steps": [{"uses": "prune", "with": {"epochs": 3}}, {"uses": "ptq"}],
}
SIZES = {"train": 950, "validation": 50, "test": 100}  # ten batches an epoch


class Time:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    time = Time()
    clock = RunClock(time)
    clock.time = time
    clock.run_started(compressor.plan(RECIPE), SIZES)
    return clock


def finished(step, cached=False):
    return SimpleNamespace(id=step, cached=cached)


def train(clock, step, epochs, batches=10, seconds=1.0):
    """Have a step train some epochs, which are told as Keras tells them."""
    for epoch in range(epochs):
        for batch in range(batches):
            clock.batch_finished(step, epoch, batch, {})
            clock.time.now += seconds
        clock.epoch_finished(step, epoch, {})


def test_a_run_counts_its_stages_and_the_batches_that_its_steps_will_train(clock):
    assert (clock.stages, clock.stages_done) == (3, 0)
    assert (clock.completed, clock.total) == (0, 2 * 10 + 3 * 10 + 3)
    assert clock.training_left is clock.run_left is None


def test_the_time_left_follows_the_pace_from_the_first_batch_on(clock):
    clock.step_started("baseline")
    clock.training_started("baseline", 2, 10)
    clock.time.now += 60  # TensorFlow builds its graph
    clock.batch_finished("baseline", 0, 0, {})
    assert clock.training_left is None
    clock.time.now += 9 * 2
    clock.batch_finished("baseline", 0, 9, {})
    assert (clock.reached, clock.epochs, clock.batches) == (10, 2, 10)
    assert clock.training_left == 10 * 2
    assert clock.run_left == 10 * 2 + 30 * 2
    assert clock.completed == 10
    clock.epoch_finished("baseline", 0, {})
    assert clock.epoch_seconds == 60 + 9 * 2


def test_trainings_ahead_are_taken_to_go_on_at_the_mean_pace(clock):
    clock.step_started("baseline")
    clock.training_started("baseline", 2, 10)
    train(clock, "baseline", 2)
    clock.measuring("baseline")
    clock.step_finished(finished("baseline"))
    assert clock.training_left is None
    assert clock.run_left == pytest.approx(30 * 20 / 19)
    assert (clock.completed, clock.total) == (21, 53)


def test_what_early_stopping_or_the_cache_spares_is_not_ahead_any_more(clock):
    clock.step_started("baseline")
    clock.training_started("baseline", 2, 10)
    train(clock, "baseline", 1)
    clock.measuring("baseline")
    clock.step_finished(finished("baseline"))
    assert (clock.completed, clock.total) == (11, 10 + 30 + 3)
    clock.step_started("prune")
    clock.measuring("prune")
    clock.step_finished(finished("prune", cached=True))
    assert (clock.completed, clock.total, clock.run_left) == (12, 13, 0)


def test_a_training_that_goes_on_counts_what_was_done_before_but_not_its_pace(clock):
    clock.step_started("prune")
    clock.training_started("prune", 3, 10)
    clock.training_resumed("prune", 2)
    assert clock.reached == 20
    clock.batch_finished("prune", 2, 0, {})
    clock.time.now += 3
    clock.batch_finished("prune", 2, 3, {})
    assert clock.training_left == 6


def test_a_step_may_train_twice_and_a_teacher_trains_what_nobody_planned(clock):
    clock.step_started("prune")
    clock.training_started("prune", 3, 10)
    train(clock, "prune", 3)
    clock.training_started("prune", 1, 10)
    assert (clock.completed, clock.total) == (30, 30 + 10 + 20 + 3)
    clock.step_started("teacher big/baseline")
    clock.training_started("teacher big/baseline", 4, 10)
    train(clock, "teacher big/baseline", 4)
    clock.measuring("teacher big/baseline")
    clock.teacher_stage_finished(finished("teacher big/baseline"))
    assert (clock.stages, clock.stages_done) == (3, 0)
    assert clock.completed == 30 + 40


def test_stages_that_were_not_planned_are_counted_as_they_come(clock):
    for number in range(5):
        clock.step_started(f"step{number}")
        clock.step_finished(finished(f"step{number}"))
    assert (clock.stages, clock.stages_done) == (5, 5)


def test_within_a_long_epoch_a_minute_without_a_word_is_noticed_once(clock):
    clock.training_started("baseline", 1, 10)
    assert not clock.is_quiet()
    clock.time.now += 61
    assert clock.is_quiet()
    assert not clock.is_quiet()
