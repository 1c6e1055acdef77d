"""`TF_CONFIG` names the machines that share a training; what is wrong with it is said, with an example."""

import json

import pytest

from compressor.base.errors import CompressorError
from compressor.base.worker_addresses import EXAMPLE, required_addresses, worker_addresses

TWO = ["a:1", "b:2"]


@pytest.fixture
def config(monkeypatch):
    def set_to(value):
        monkeypatch.setenv("TF_CONFIG", value if isinstance(value, str) else json.dumps(value))

    return set_to


def of(cluster, job="worker", index=0):
    return {"cluster": cluster, "task": {"type": job, "index": index}}


def test_workers_are_counted_from_the_chief(config):
    config(of({"worker": TWO}, index=1))
    found = worker_addresses()
    assert (found.addresses, found.index, found.leads, found.name(1)) == (("a:1", "b:2"), 1, False, "worker 1 (b:2)")
    config(of({"worker": TWO, "chief": ["c:3"]}, index=1))
    assert (worker_addresses().addresses, worker_addresses().index) == (("c:3", "a:1", "b:2"), 2)
    config(of({"chief": ["c:3"], "worker": TWO}, "chief"))
    assert worker_addresses().leads


def test_without_it_nothing_is_known_and_a_run_says_what_to_write(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    assert worker_addresses() is None
    with pytest.raises(CompressorError) as error:
        required_addresses()
    assert str(error.value) == (
        "the recipe trains on several machines, and the variable TF_CONFIG does not say which; set it on each of them, "
        f"as in {EXAMPLE}, or write 'distribute: mirrored'"
    )


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("{cluster", "is no JSON (Expecting property name"),
        ([1], "has no 'cluster' and 'task'"),
        ({"cluster": {"worker": TWO}}, "has no 'cluster' and 'task'"),
        (of({"worker": TWO, "ps": ["p:1"]}), "has jobs other than chief and worker in 'cluster': 'ps'"),
        (of({"worker": "a:1"}), "has no list of addresses as 'worker' in 'cluster'"),
        (of({"worker": ["a:1", "b"]}), "names 'b', which is no address as in 'machine:2222'"),
        (of({"worker": ["a:1", "a:1"]}), "names a:1 twice"),
        (of({"worker": TWO, "chief": ["c:1", "d:1"]}), "has several chiefs"),
        (of({"worker": ["a:1"]}), "names one machine, and a training that several share needs two"),
        (of({}), "names no workers"),
        (of({"worker": TWO}, index=2), "has the index 2 in 'task', and its job 'worker' the indices 0 to 1"),
        (of({"worker": TWO}, index=True), "has the index True in 'task'"),
        (of({"worker": TWO}, job="chief"), "has the type 'chief' in 'task', which is no job in 'cluster'"),
    ],
)
def test_what_is_wrong_is_said_with_an_example(value, message, config):
    config(value)
    with pytest.raises(CompressorError) as error:
        worker_addresses()
    assert f"the variable TF_CONFIG {message}" in str(error.value)
    assert EXAMPLE in str(error.value)
