"""`compressor apply` on two machines that share trainings: two processes here, each with a cache of its own."""

import os
import shutil
import signal
import time

import pytest
from click.testing import CliRunner
from worker_pair import Worker, config, free_addresses

from compressor.cli import root
from compressor.cli.boundary import run_guarded

MINE = """
import numpy as np
import compressor

def data():
    generator = np.random.default_rng(0)
    x = generator.normal(size=(303, 8, 8, 1)).astype(np.float32)
    y = (x.reshape(303, -1) @ generator.normal(size=(64, 3))).argmax(-1)
    return compressor.Splits((x, y), (x[:57], y[:57]))

def net():
    import tf_keras
    from tf_keras import layers

    return tf_keras.Sequential([
        tf_keras.Input((8, 8, 1)), layers.Conv2D(4, 3, activation="relu"), layers.BatchNormalization(),
        layers.Flatten(), layers.Dropout(0.2), layers.Dense(16, activation="relu"),
        layers.Dense(3, activation="softmax"),
    ])
"""
RECIPE = """
version: 1
model: {source: ./mine.py:net, train: {epochs: 1}}
data: {source: ./mine.py:data}
runtime: {distribute: multi_worker}
training: {batch_size: 25}
steps: [{uses: prune, with: {epochs: EPOCHS, final_sparsity: 0.5, min_weights: 0}}, {uses: ptq}]
"""
FILES = ["stages/0-baseline.h5", "stages/1-prune.h5", "model.tflite"]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "mine.py").write_text(MINE)
    (tmp_path / "shared.yaml").write_text(RECIPE.replace("EPOCHS", "2"))
    (tmp_path / "long.yaml").write_text(RECIPE.replace("EPOCHS", "5"))
    return tmp_path


def pair(folder, *options, **settings):
    addresses = free_addresses()
    return [Worker(folder, addresses, index, *options, **settings) for index in range(2)]


def finished(folder, **settings):
    """The files of a run by both, which goes well."""
    shutil.rmtree(folder / "out-0", ignore_errors=True)
    workers = pair(folder, **settings)
    assert [worker.end() for worker in workers] == [0, 0], workers[0].text + workers[1].text
    assert not (folder / "out-1").exists()
    return {name: (folder / "out-0" / name).read_bytes() for name in FILES}, workers


def wait_for(worker, text):
    until = time.monotonic() + 900
    while text not in worker.text:
        assert worker.process.poll() is None and time.monotonic() < until, worker.text
        time.sleep(0.2)


@pytest.mark.long
@pytest.mark.timeout(2400)
def test_worker_0_has_the_results_and_its_cache_decides_what_is_trained(folder):
    first, (lead, other) = finished(folder)
    assert "other bytes" not in lead.text
    name = other.text.partition(" of 2: waits up to 300 s for the others\n")[0]
    assert other.text == (
        f"{name} of 2: waits up to 300 s for the others\n{name} of 2: all have come\n"
        f"{name} of 2: takes part in training 'baseline'\n{name} of 2: takes part in training 'prune'\n"
        f"{name} of 2: done; the results are on {name.replace('1', '0', 1).partition(' (')[0]} "
        f"({lead.text.partition('(')[2].partition(')')[0]})\n"
    )
    shutil.rmtree(folder / "cache-1")
    again, (_, other) = finished(folder)
    assert again == first
    assert "takes part" not in other.text  # everything is in the cache of worker 0
    shutil.rmtree(folder / "cache-0")
    again, (_, other) = finished(folder)
    assert again == first
    assert "takes part in training 'prune'" in other.text


@pytest.mark.long
@pytest.mark.timeout(2400)
@pytest.mark.parametrize("victim", [1, 0])
def test_when_one_is_killed_the_other_ends_and_the_next_run_goes_on_to_the_same_bytes(victim, folder):
    workers = pair(folder, recipe="long.yaml")
    wait_for(workers[0], "prune: epoch 2/5")  # the first one is kept
    os.kill(workers[victim].child(), signal.SIGKILL)
    killed = time.monotonic()
    other = workers[1 - victim]
    assert other.end() == 6, other.text
    assert time.monotonic() - killed < 75
    assert f"error: worker {victim} (127.0.0.1:" in other.text
    assert other.text.splitlines()[-1].endswith(
        ") no longer answers; give all machines the same command again, to go on from what the cache of worker 0 holds"
    )
    workers[victim].end()
    assert not (folder / "out-0" / "report.json").exists()
    again, (_, other) = finished(folder, recipe="long.yaml")
    assert "goes on with 'prune' after epoch" in other.text
    shutil.rmtree(folder / "cache-0")
    whole, (_, other) = finished(folder, recipe="long.yaml")
    assert "goes on" not in other.text
    assert again == whole


@pytest.mark.long
@pytest.mark.timeout(2400)
def test_a_worker_that_stops_answering_is_found_and_so_is_an_interrupted_one(folder):
    workers = pair(folder, recipe="long.yaml")
    wait_for(workers[0], "prune: epoch 2/5")  # the first one is kept
    child = workers[0].child()
    os.kill(child, signal.SIGSTOP)
    try:
        assert workers[1].end() == 6
        assert "error: worker 0 (127.0.0.1:" in workers[1].text
    finally:
        os.kill(child, signal.SIGKILL)
    workers[0].end()
    workers = pair(folder, recipe="long.yaml")
    wait_for(workers[1], "goes on with 'prune' after epoch")
    workers[0].process.send_signal(signal.SIGINT)
    assert [worker.end() for worker in workers] == [130, 130]
    assert ") was interrupted" in workers[1].text


@pytest.mark.long
@pytest.mark.timeout(2400)
def test_workers_that_differ_or_do_not_come_are_named_before_anything_is_trained(folder):
    addresses = free_addresses()
    lead, other = Worker(folder, addresses, 0), Worker(folder, addresses, 1, "--seed", "3", "--set", "threads=1")
    assert (lead.end(), other.end()) == (6, 6)
    told = f"error: worker 1 ({addresses[1]}) differs from worker 0 ({addresses[0]}):\n"
    assert told in lead.text
    assert "  seed: there 0, here 3\n" in lead.text
    assert "  threads: there 2, here 1" in lead.text
    alone = Worker(folder, addresses, 1, wait="5")
    assert alone.end() == 6
    remedy = "start the same command on all machines; COMPRESSOR_WORKER_WAIT sets another number of seconds\n"
    assert alone.text.endswith(f"error: worker 0 ({addresses[0]}) did not come within 5 s; {remedy}")


def ending(*arguments, capsys):
    return run_guarded(root, list(arguments)), capsys.readouterr().err


def test_what_cannot_be_shared_is_refused_before_anything_is_made(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    monkeypatch.delenv("TF_CONFIG", raising=False)
    out = folder / "out"
    code, said = ending("apply", "shared.yaml", "-o", str(out), capsys=capsys)
    assert (code, said.partition(" does not")[0]) == (
        1, "error: the recipe trains on several machines, and the variable TF_CONFIG"
    )  # fmt: skip
    addresses = free_addresses()
    monkeypatch.setenv("TF_CONFIG", config(addresses, 0))
    told = "cannot be combined with 'distribute: multi_worker', whose machines share one run of one recipe"
    for options, what in ((["--seeds", "2"], "--seeds"), (["--on", "ray"], "--on"), (["long.yaml"], "several recipes")):
        code, said = ending("apply", "shared.yaml", "-o", str(out), *options, capsys=capsys)
        assert (code, f"error: {what} {told}" in said.lower()) == (2, True), said
    code, said = ending("apply", "shared.yaml", "--set", "training.batch_size=1", capsys=capsys)
    told = "'baseline' trains on batches of 1, which 2 devices cannot share; raise 'batch_size' to 2"
    assert (code, told in said) == (
        1, True,
    )  # fmt: skip
    recipe = RECIPE.replace("EPOCHS", "{search: [1, 2]}")
    (folder / "open.yaml").write_text(recipe)
    code, said = ending("search", "open.yaml", "-o", str(out), capsys=capsys)
    assert (code, "a search cannot have trials that several machines share" in said) == (1, True), said
    assert not out.exists()
    assert CliRunner().invoke(root, ["validate", "shared.yaml"]).exit_code == 0
