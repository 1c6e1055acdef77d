"""Times several things in turn, round by round, so that whatever slows the machine down for a while hits all alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_FEWEST_ROUNDS = 7  # fewer have no interval of 95 %
_WARM_UP_CALLS = 2
_MOST_CALLS = 100  # of one thing in a round


@dataclass(frozen=True)
class Rounds:
    """What each thing took in each round.

    Attributes:
        seconds: of a call, the median over a round's calls, shape (rounds, things).
        calls: how often each was called in a round.
    """

    seconds: NDArray[np.float64]
    calls: tuple[int, ...]


def timed_in_turn(
    openers: Sequence[Callable[[], Callable[[], object]]],
    *,
    seed: int,
    most_rounds: int,
    round_seconds: float,
    budget: float,
    clock: Callable[[], float] = time.perf_counter,
) -> Rounds:
    """Open all things each round, and call each of them once or, short ones, several times, in an order drawn anew.

    A round opens them anew since where a thing lies in memory makes it faster or slower as long as it is open
    (arXiv:2007.10899): rounds on the same opened thing would agree with one another, and not with the next run. Each is
    called twice before it is timed, which fills the processor's caches.

    Args:
        openers: each gives what is to be called.
        seed: of the order.
        most_rounds: how many rounds there are.
        round_seconds: what the calls of one thing in one round should take; a single call may take longer.
        budget: seconds after which no round begins, once there are seven.
        clock: gives seconds.
    """
    draw, count = np.random.default_rng(seed), len(openers)
    calls, rows = [0] * count, list[NDArray[np.float64]]()
    deadline = clock() + budget
    while len(rows) < most_rounds and (len(rows) < _FEWEST_ROUNDS or clock() < deadline):
        opened = {place: openers[place]() for place in draw.permutation(count).tolist()}
        row = np.zeros(count)
        for place in draw.permutation(count).tolist():
            thing = opened[place]
            warm = min(_seconds(thing, clock) for _ in range(_WARM_UP_CALLS))
            calls[place] = calls[place] or _calls(warm, round_seconds)
            row[place] = np.median([_seconds(thing, clock) for _ in range(calls[place])])
        rows.append(row)
    return Rounds(np.array(rows).reshape(len(rows), count), tuple(calls))


def _calls(seconds: float, round_seconds: float) -> int:
    """How often a round should call a thing that takes so long."""
    return int(min(_MOST_CALLS, max(1, round_seconds / max(seconds, 1e-9))))


def _seconds(thing: Callable[[], object], clock: Callable[[], float]) -> float:
    start = clock()
    thing()
    return clock() - start
