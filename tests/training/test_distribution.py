"""A training that two devices share learns what one device learns, with batches that they cannot share evenly.

What moves over samples within a batch is another matter: a range of activations is the mean of those that each device
has seen, and a BatchNormalization goes by the statistics of its device's part.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from compressor.training.distribution import validation_batch_size

PROGRAM = Path(__file__).parent / "shared_trainings.py"


def apart(*cases):
    done = subprocess.run([sys.executable, PROGRAM, *cases], env=os.environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert [it["case"] for it in found] == list(cases)
    return {it["case"]: it for it in found}


def is_same(found, within=1e-6):
    (loss, validation), (other, other_validation) = found["losses"]
    # a last batch of one sample is given to both devices, and shown twice in the loss of the training
    return found["apart"] < within and abs(validation - other_validation) < 1e-4 and abs(loss - other) < 0.01


def test_two_devices_learn_what_one_does():
    assert is_same(apart("plain")["plain"])


@pytest.mark.long
def test_weights_and_teachers_count_as_on_one_device():
    found = apart("by class", "weighted", "distilled")
    assert all(is_same(it) for it in found.values()), found


@pytest.mark.long
def test_strategies_make_what_they_make_on_one_device():
    found = apart("prune", "cluster", "learned")
    assert all(is_same(it) for it in found.values()), found
    assert (found["prune"]["zeros"][0], found["cluster"]["zeros"][1]) == (512, 8)


@pytest.mark.long
def test_observed_ranges_differ_by_what_each_device_sees():
    found = apart("qat")["qat"]
    assert is_same(found, within=0.01), found


@pytest.mark.long
def test_devices_share_a_training_in_bfloat16_too():
    found = apart("in bfloat16")["in bfloat16"]
    assert is_same(found, within=0.01), found  # a float of 8 bits is rounded otherwise in a part of a batch


@pytest.mark.long
def test_the_same_devices_make_the_same_bytes_again_and_after_an_interruption():
    found = apart("repeated", "resumed")  # with dropout, moving statistics, and zeros that are kept
    assert (found["repeated"]["apart"], found["resumed"]["apart"]) == (0, 0)


@pytest.mark.parametrize(
    ("samples", "devices", "size"),
    [(600, 1, 512), (600, 2, 512), (513, 1, 512), (513, 2, 511), (513, 3, 510), (2, 4, 512)],
)
def test_no_batch_of_validation_has_fewer_samples_than_devices_where_that_can_be(samples, devices, size):
    assert validation_batch_size(samples, devices) == size
