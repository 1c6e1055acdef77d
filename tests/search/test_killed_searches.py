"""Searches whose processes are killed at a random moment; `python tests/search_kills.py` does the same at length."""

import random

import pytest
import search_kills

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def searches(tmp_path_factory, tensorflow):
    """Searches in a folder, of which one was left alone, and how long that took."""
    searches = search_kills.Searches(tmp_path_factory.mktemp("kills"))
    return searches, searches.finish("whole")


@pytest.mark.parametrize("kill", [search_kills.main_kills, search_kills.worker_kills], ids=["main", "worker"])
def test_a_kill_loses_no_trial_runs_none_twice_and_changes_nothing_on_the_front(searches, kill):
    made, longest = searches
    assert kill(made, 1, random.Random(1), "whole", longest) == 1
    assert made.faults == []
