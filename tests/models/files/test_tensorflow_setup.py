"""TensorFlow gets the number of threads that is asked for, unless it has computed before."""

import json
import os
import subprocess
import sys

import pytest

from compressor.models.files.tensorflow_setup import _threads_by_default

CODE = """
import json, os, sys
from compressor.models.files.tensorflow_setup import prepare_tensorflow, threads_in_use
found = {"without": [threads_in_use(7), "tensorflow" in sys.modules]}
prepare_tensorflow(0)
prepare_tensorflow(0, 3)
import tensorflow as tf
found["before"] = [tf.config.threading.get_intra_op_parallelism_threads(), threads_in_use(5), threads_in_use(3)]
tf.constant(1.0) + 1
prepare_tensorflow(0, 4)
found["after"] = [tf.config.threading.get_intra_op_parallelism_threads(), threads_in_use(4), threads_in_use(3)]
print(json.dumps(found))
"""
ON_ITS_OWN = """
import json, sys
import tensorflow as tf
tf.constant(1.0) + 1
import compressor
from compressor.contracts.observer import Observer

class Warnings(Observer):
    def warned(self, text):
        print(json.dumps(text))

recipe = {"version": 1, "model": {"source": "mnist_cnn", "train": {"epochs": 1}}, "data": {"source": "mnist"}}
report, _ = compressor.apply(recipe, overrides=["threads=7"], output=sys.argv[1], smoke=True, observer=Warnings())
print(json.dumps([report.threads, report.stages[0].notes]))
"""


def lines(code, *arguments, **variables):
    command = [sys.executable, "-c", code, *map(str, arguments)]
    done = subprocess.run(command, env={**os.environ, **variables}, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_the_number_is_set_until_tensorflow_computes_and_stays_from_then_on():
    assert lines(CODE) == [{"without": [7, False], "before": [3, 5, 3], "after": [3, 3, 3]}]


def test_a_run_in_a_process_that_has_computed_says_how_many_threads_it_used(tmp_path):
    text = (
        "TensorFlow already computes with 3 threads in this process, and so does this run, in place of 7; "
        "its files are those of 'threads: 3'"
    )
    assert lines(ON_ITS_OWN, tmp_path / "out", TF_NUM_INTRAOP_THREADS="3") == [text, [3, [text]]]


@pytest.mark.parametrize(("value", "threads"), [("3", 3), ("-1", "cores"), ("many", "cores"), (None, "cores")])
def test_tensorflow_begins_with_what_its_variable_says_or_a_thread_a_core(monkeypatch, value, threads):
    monkeypatch.delenv("TF_NUM_INTRAOP_THREADS", raising=False)
    if value is not None:
        monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", value)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 3, 5, 7, 11}, raising=False)
    assert _threads_by_default() == (5 if threads == "cores" else threads)
