"""Devices of trainings: GPUs where there are any, which are named, and else logical devices of the processor."""

import pytest

from compressor.base.errors import CompressorError
from compressor.models.files import devices
from compressor.models.files.devices import (
    computing_conditions,
    device_count,
    devices_text,
    processors_for,
    require_devices,
    runtime_text,
    runtime_warnings,
)
from compressor.recipe.runtime_section import RuntimeSection

ALL = RuntimeSection(distribute="mirrored")
TWO = RuntimeSection(distribute="mirrored", devices=2)


@pytest.fixture
def with_gpus(monkeypatch):
    return lambda *names: monkeypatch.setattr(devices, "gpus", lambda: list(names))


def test_gpus_are_named_in_the_conditions_that_report_and_lock_hold(with_gpus):
    with_gpus("NVIDIA L4")
    assert computing_conditions()["GPUs"] == "1 GPU: NVIDIA L4"
    with_gpus("NVIDIA L4", "NVIDIA T4", "NVIDIA L4")
    found = computing_conditions(RuntimeSection(distribute="mirrored", devices=2, mixed_precision="bfloat16"))
    assert found["GPUs"] == "3 GPUs: 2 x NVIDIA L4, NVIDIA T4"
    assert found["training devices"] == "2 GPUs: NVIDIA L4, NVIDIA T4"
    assert found["mixed precision"] == "bfloat16"


def test_without_gpus_the_processor_is_divided_as_often_as_asked(with_gpus):
    with_gpus()
    assert (device_count(ALL), device_count(TWO), processors_for(TWO)) == (1, 2, 2)
    assert devices_text(TWO) == "2 logical CPU devices"
    assert not {"GPUs", "training devices"} & computing_conditions().keys()
    assert runtime_warnings(TWO) == [
        "there is no GPU, so that trainings share the processor as 2 logical CPU devices, which is no faster"
    ]


def test_one_device_shares_nothing_and_says_so(with_gpus):
    with_gpus()
    assert runtime_warnings(ALL)[0].startswith("'distribute: mirrored' shares nothing, since there is no GPU: ")
    with_gpus("NVIDIA L4")
    assert runtime_warnings(ALL)[0].startswith("'distribute: mirrored' shares nothing, since there is 1 GPU: NVIDIA L4")
    with_gpus("NVIDIA L4", "NVIDIA L4")
    assert (runtime_warnings(ALL), runtime_warnings(TWO), runtime_warnings(RuntimeSection())) == ([], [], [])


def test_all_gpus_are_used_unless_fewer_are_asked_for_and_more_are_refused(with_gpus):
    with_gpus("NVIDIA L4", "NVIDIA L4", "NVIDIA L4")
    assert (device_count(ALL), device_count(TWO), processors_for(TWO)) == (3, 2, 1)
    assert runtime_text(TWO) == "on 2 GPUs: 2 x NVIDIA L4"
    with pytest.raises(CompressorError) as error:
        device_count(RuntimeSection(distribute="mirrored", devices=4))
    assert str(error.value) == (
        "the recipe trains on 4 devices, and this machine has 3 GPUs: 3 x NVIDIA L4; set 'runtime.devices' to 3 or less"
    )


def test_a_process_that_has_computed_cannot_be_divided(with_gpus, tensorflow):
    with_gpus()
    tensorflow.constant(1.0) + 1
    with pytest.raises(CompressorError, match=r"on 2 logical CPU devices, .* with 1; run it in a new process"):
        require_devices(TWO)


def test_a_processor_without_bfloat16_is_told(with_gpus, monkeypatch):
    half = RuntimeSection(mixed_precision="bfloat16")
    with_gpus()
    monkeypatch.setattr(devices, "conditions", lambda: {"instructions": "x86_64 avx2"})
    assert runtime_warnings(half) == [
        "this processor has no instructions for bfloat16, so that 'mixed_precision' is no faster than float32 here"
    ]
    monkeypatch.setattr(devices, "conditions", lambda: {"instructions": "x86_64 avx2 avx512_bf16"})
    assert runtime_warnings(half) == []
    monkeypatch.setattr(devices, "conditions", lambda: {"instructions": "x86_64 avx2"})
    with_gpus("NVIDIA L4")
    assert runtime_warnings(half) == []


def test_a_machine_without_a_gpu_imports_no_tensorflow_to_find_that_out(monkeypatch):
    monkeypatch.setattr(devices, "_TRACES", ())
    assert devices.gpus() == []
