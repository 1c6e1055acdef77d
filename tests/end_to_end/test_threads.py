"""The number of threads that a recipe gives counts, and not the number of cores."""

import os

import pytest
from thread_matrix import CHAINS, NETS, THREADS, digests

NOT_FOR_LSTM = ("equalize, ptq", "prune_channels", "grow_channels")
CORES = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else {0}
pytestmark = pytest.mark.skipif(len(CORES) < 2, reason="needs two cores, one of which is hidden")


def on_one_core_and_on_all(net, chains, threads):
    one, every = (digests(net, chains, threads, cores) for cores in ({min(CORES)}, CORES))
    assert all(len(found) == 64 for found in one.values()), one
    return one, every


def test_large_convolutions_give_the_same_bytes_on_one_core_as_on_all():
    one, every = on_one_core_and_on_all("conv64", ["train"], 2)
    assert one == every


@pytest.mark.long
@pytest.mark.parametrize("net", NETS)
def test_every_strategy_gives_the_same_bytes_on_one_core_as_on_all(net):
    chains = [chain for chain in CHAINS if net != "lstm" or chain not in NOT_FOR_LSTM]
    one, every = on_one_core_and_on_all(net, chains, 2)
    assert one == every


@pytest.mark.long
@pytest.mark.parametrize("threads", THREADS)
def test_any_number_of_threads_gives_the_same_bytes_on_one_core_as_on_all(threads):
    one, every = on_one_core_and_on_all("conv64", ["train", "prune"], threads)
    assert one == every
    if threads != 2:
        assert one != digests("conv64", ["train", "prune"], 2, CORES)
