"""What changes the rounding of numbers: instruction sets of the processor, and variables that are set."""

import platform

import pytest

from compressor.base import machine

INTEL = "processor\t: 0\nmodel name\t: A Xeon\nflags\t\t: fpu avx2 sse4_1 ht avx512f\n\nprocessor\t: 1\nflags\t: avx\n"
ARM = "processor\t: 0\nBogoMIPS\t: 50.00\nFeatures\t: fp asimd sve aes\n\n"


@pytest.fixture
def known(tmp_path, monkeypatch):
    """A function that has Linux say this of the processor; None on other systems."""

    def say(text):
        monkeypatch.setattr(machine, "_CPU_INFO", tmp_path / "cpuinfo")
        if text is not None:
            (tmp_path / "cpuinfo").write_text(text)
        for cached in (machine._cpu_info, machine._instructions, machine.processor):
            cached.cache_clear()

    for name in machine._VARIABLES:
        monkeypatch.delenv(name, raising=False)
    yield say
    monkeypatch.undo()
    for cached in (machine._cpu_info, machine._instructions, machine.processor):
        cached.cache_clear()


@pytest.mark.parametrize(
    ("text", "instructions", "name"),
    [
        (INTEL, " sse4_1 avx2 avx512f", "A Xeon"),
        (ARM, " asimd sve", platform.processor() or platform.machine()),
        ("", "", platform.processor() or platform.machine()),
        (None, "", platform.processor() or platform.machine()),
    ],
    ids=["Intel", "ARM", "an empty file", "no Linux"],
)
def test_the_first_processors_instruction_sets_are_listed_in_one_order(known, text, instructions, name):
    known(text)
    assert machine.conditions() == {"instructions": platform.machine() + instructions}
    assert machine.processor() == name


def test_variables_that_change_the_rounding_are_listed_with_their_values_where_they_are_set(known, monkeypatch):
    known(INTEL)
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    monkeypatch.setenv("TF_XLA_FLAGS", "")
    monkeypatch.setenv("HOME", "/somewhere")
    assert list(machine.conditions()) == ["instructions", "ONEDNN_MAX_CPU_ISA"]
    assert machine.conditions()["ONEDNN_MAX_CPU_ISA"] == "AVX2"
