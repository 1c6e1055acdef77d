"""Things are timed in turn, so that a machine that slows down hits all alike; told by a clock that the test turns."""

import numpy as np
import pytest

from compressor.measure.call_rounds import timed_in_turn
from compressor.measure.median_interval import median_interval


class Machine:
    """A clock that things turn; `slower(seconds)` tells by how much the machine has slowed down until then."""

    def __init__(self, slower=lambda seconds: 1.0):
        self.now, self.slower, self.called, self.opened = 0.0, slower, [], []

    def clock(self):
        return self.now

    def opener(self, name, seconds):
        def call():
            self.called.append(name)
            self.now += seconds * self.slower(self.now)

        def opened():
            self.opened.append(name)
            return call

        return opened


def timed(machine, *things, seed=0, most_rounds=21, round_seconds=0.0, budget=1e9):
    openers = [machine.opener(name, seconds) for name, seconds in things]
    return timed_in_turn(
        openers, seed=seed, most_rounds=most_rounds, round_seconds=round_seconds, budget=budget, clock=machine.clock
    )


def test_each_round_opens_and_times_all_in_an_order_of_its_own():
    machine = Machine()
    rounds = timed(machine, ("a", 1.0), ("b", 2.0), ("c", 4.0))
    assert rounds.seconds.tolist() == [[1.0, 2.0, 4.0]] * 21
    assert rounds.calls == (1, 1, 1)
    orders = {"".join(machine.called[start : start + 9 : 3]) for start in range(0, len(machine.called), 9)}
    assert orders == {"abc", "acb", "bac", "bca", "cab", "cba"}
    assert all(sorted(machine.opened[start : start + 3]) == ["a", "b", "c"] for start in range(0, 63, 3))


def test_a_seed_gives_the_same_order_again_and_another_gives_another():
    orders = []
    for seed in (3, 3, 4):
        machine = Machine()
        timed(machine, ("a", 1.0), ("b", 2.0), ("c", 4.0), seed=seed)
        orders.append(machine.called)
    assert orders[0] == orders[1] != orders[2]


def test_short_calls_are_timed_several_times_a_round_after_two_that_are_not_counted():
    machine = Machine()
    rounds = timed(
        machine, ("short", 2.0**-10), ("long", 1.0), ("tiny", 2.0**-20), most_rounds=7, round_seconds=2.0**-7
    )
    assert rounds.calls == (8, 1, 100)
    assert [machine.called.count(name) for name in ("short", "long", "tiny")] == [7 * 10, 7 * 3, 7 * 102]
    assert rounds.seconds[0] == pytest.approx([2.0**-10, 1.0, 2.0**-20])


def test_a_budget_that_is_spent_ends_it_after_seven_rounds_and_no_sooner():
    assert len(timed(Machine(), ("a", 1.0), budget=0.5).seconds) == 7
    assert len(timed(Machine(), ("a", 1.0), budget=3 * 10 - 0.5).seconds) == 10
    assert len(timed(Machine(), ("a", 1.0), most_rounds=12).seconds) == 12


def test_a_machine_that_slows_down_to_a_third_leaves_the_paired_ratio_right_where_medians_one_after_another_are_wrong():
    def slower(seconds):
        return 1.0 + seconds / 100

    machine = Machine(slower)
    seconds = timed(machine, ("one", 1.0), ("same", 1.0)).seconds
    assert machine.slower(machine.now) > 3
    ratio = median_interval((seconds[:, 1] / seconds[:, 0]).tolist())
    assert ratio.low <= 1 <= ratio.high
    assert 0.95 < ratio.value < 1.05

    unpaired = Machine(slower)
    medians = [np.median(timed(unpaired, (name, 1.0)).seconds) for name in ("one", "same")]
    assert medians[1] / medians[0] > 1.5
