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
from learned_alike import is_same

from compressor.base.errors import StepError
from compressor.training.distribution import refuse_unshareable, validation_batch_size

PROGRAM = Path(__file__).parent / "shared_trainings.py"


def apart(*cases):
    done = subprocess.run([sys.executable, PROGRAM, *cases], env=os.environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert [it["case"] for it in found] == list(cases)
    return {it["case"]: it for it in found}


def test_two_devices_learn_what_one_does():
    assert is_same(apart("plain")["plain"])


@pytest.mark.long
def test_weights_and_teachers_count_as_on_one_device():
    found = apart("by class", "weighted", "distilled", "stopped early", "two outputs")
    assert all(is_same(it) for it in found.values()), found


@pytest.mark.long
def test_strategies_make_what_they_make_on_one_device():
    found = apart("prune", "rewound", "cluster", "low_rank", "prune_channels", "learned", "integer only")
    assert all(is_same(it) for it in found.values()), found
    assert (found["prune"]["zeros"][0], found["cluster"]["zeros"][1]) == (512, 8)


@pytest.mark.long
def test_observed_ranges_differ_by_what_each_device_sees():
    found = apart("qat")["qat"]
    assert found["losses"][1] == pytest.approx(found["losses"][0], rel=0.01)
    assert 0 < found["apart"] < 0.01


@pytest.mark.long
def test_devices_share_a_training_in_bfloat16_too():
    found = apart("in bfloat16")["in bfloat16"]  # whose 8 bits are rounded otherwise in a part of a batch
    assert found["losses"][1] == pytest.approx(found["losses"][0], rel=0.02)
    assert 0 < found["apart"] < 0.2


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


def test_a_model_that_was_made_for_one_device_is_refused_and_so_is_a_train_step_of_ones_own(tensorflow):
    import tf_keras

    class Own(tf_keras.Sequential):
        def train_step(self, data):
            return {}

    plain, own = (cls([tf_keras.Input((2,)), tf_keras.layers.Dense(1)]) for cls in (tf_keras.Sequential, Own))
    refuse_unshareable(plain, plain.distribute_strategy)
    with pytest.raises(StepError, match="the model was not made for several devices"):
        refuse_unshareable(plain, object())
    with pytest.raises(StepError, match="the model's class Own has a train step of its own, which cannot be shared"):
        refuse_unshareable(own, own.distribute_strategy)
