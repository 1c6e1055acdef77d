"""What is refused before anything is sent to a cluster, and what the messages say."""

import importlib.util
import socket
import time

import pytest

from compressor.cli import root
from compressor.cli.boundary import run_guarded
from compressor.cluster import node_machine
from compressor.cluster.node_machine import Sender, cache_here, other_versions
from compressor.cluster.ray_connection import Demand
from compressor.cluster.ray_errors import refusal
from compressor.run.cache.run_cache import CachePlace

RECIPE = "version: 1\nmodel: {source: mnist_cnn, train: {epochs: 1}}\ndata: {source: mnist}\nsteps: [{uses: ptq}]\n"


@pytest.fixture
def call(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    (tmp_path / "mine.yaml").write_text(RECIPE)

    def call(*arguments):
        code = run_guarded(root, ["apply", "mine.yaml", *arguments])
        return int(code), capfd.readouterr().err

    return call


@pytest.mark.parametrize("address", ["head:10001", "ray://head", "ray://", "ray:///tmp", "http://head:1"])
def test_what_is_no_address_of_a_cluster_is_a_wrong_use(call, address):
    code, err = call("--on", address)
    assert code == 2
    assert f"--on is 'ray' or an address such as ray://head:10001, and not '{address}'" in err


def test_options_of_a_cluster_need_one(call):
    code, err = call("--task-cpus", "2")
    assert code == 2
    assert "--task-cpus, --task-gpus and --task-memory go with --on; add it" in err


def test_without_ray_the_message_says_what_to_install(call, monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr("compressor.cluster.ray_errors.find_spec", lambda name: None if name == "ray" else found(name))
    assert call("--on", "ray") == (1, "error: --on needs Ray, which is not installed; pip install 'compressor[ray]'\n")


def test_an_address_where_nothing_listens_is_refused_at_once(call):
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    began = time.monotonic()
    code, err = call("--on", f"ray://127.0.0.1:{port}")
    assert time.monotonic() - began < 10
    assert code == 1
    assert err.startswith(f"error: no Ray cluster answers at ray://127.0.0.1:{port} (Connection refused); check the ")


def test_a_lock_is_not_for_a_cluster(call):
    code, err = call("--on", "ray", "--locked", "lock.yaml")
    assert code == 2
    assert "--locked is for one run on this machine" in err


def test_other_versions_of_the_cluster_are_named():
    error = RuntimeError(
        "Version mismatch: The cluster was started with:\n    Ray: 2.51.0\n    Python: 3.12.1\n"
        "This process on node 10.0.0.5 was started with:\n    Ray: 2.60.0\n    Python: 3.11.7\n"
    )
    told = str(refusal(error, "the Ray cluster at ray://head:10001"))
    assert told.startswith("the Ray cluster at ray://head:10001 has other versions than this machine: ")
    assert "it runs Ray 2.51.0 and Python 3.12.1, and here are Ray " in told


def test_a_cluster_that_wants_a_token_is_no_riddle():
    error = ConnectionError("Failed to connect to Ray cluster at head:6379")
    error.__cause__ = RuntimeError("RPC error: InvalidAuthToken: Authentication token is missing or incorrect")
    assert str(refusal(error, "the Ray cluster at head:6379")) == (
        "the Ray cluster at head:6379 takes only clients that have its token; set RAY_AUTH_MODE=token, and the token "
        "as RAY_AUTH_TOKEN or in ~/.ray/auth_token"
    )
    plain = str(refusal(ConnectionError("Failed to connect\nmore of it"), "the Ray cluster at head:6379"))
    assert plain.startswith("the Ray cluster at head:6379 cannot be used: Failed to connect; check that it is running")


def test_a_machine_with_another_tensorflow_is_named_and_computes_nothing(monkeypatch):
    sender = Sender.here()
    assert other_versions(sender) is None
    monkeypatch.setattr(node_machine, "machine_name", lambda: "node-3 (abc123)")
    there = {**sender.versions, "tensorflow": "2.20.0"}
    what, remedy = other_versions(Sender(there, "", ""))
    ours = sender.versions["tensorflow"]
    assert what == (
        f"the machine node-3 (abc123) of the cluster has tensorflow {ours} instead of 2.20.0, which gives other results"
    )
    assert remedy == "install the same versions there as here"


def test_a_machine_uses_its_own_cache_folder_or_the_same_one(tmp_path, monkeypatch):
    (tmp_path / "shared").mkdir()
    shared = CachePlace(tmp_path / "shared", "s3://team/cache")
    monkeypatch.setenv("COMPRESSOR_CACHE", "/of/the/command")
    sender = Sender.here()
    assert cache_here(shared, sender) == shared
    missing = CachePlace(tmp_path / "missing", "s3://team/cache")
    monkeypatch.setenv("COMPRESSOR_CACHE", str(tmp_path / "own"))
    for place in (shared, missing):
        assert cache_here(place, sender) == CachePlace(tmp_path / "own", "s3://team/cache")


def test_a_task_fits_where_all_that_it_demands_is_free():
    node = {"CPU": 8.0, "GPU": 1.0, "memory": 10e9, "node:10.0.0.5": 1.0}
    assert Demand(2).fits(node) == 4
    assert Demand(2, 1).fits(node) == 1
    assert Demand(1, 0.25).fits(node) == 4
    assert Demand(1, 0, 4_000_000_000).fits(node) == 2
    assert Demand(1, 1).fits({"CPU": 8.0}) == 0
    assert str(Demand(1, 0.5, 4_000_000_000)) == "1 CPU, 0.5 GPU, 4.0 GB of memory"
