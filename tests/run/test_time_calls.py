"""A run times the files of its stages in turn if its recipe asks for it; a file that crashes then ends nothing."""

import shutil

import pytest

import compressor

RECIPE = {"version": 1, "model": {"source": "./model.tflite"}, "data": {"source": "mnist"}}


@pytest.fixture
def run(smoke_run, tmp_path, monkeypatch):
    """A function that runs a recipe on the smoke run's file, without its training."""
    shutil.copy(smoke_run[1] / "model.tflite", tmp_path)
    monkeypatch.chdir(tmp_path)

    def run(**sections):
        report, _ = compressor.apply(RECIPE | sections, output=tmp_path / "out", cache=tmp_path / "cache", smoke=True)
        return report

    return run


def test_a_recipe_that_does_not_ask_times_nothing_in_turn(smoke_run):
    report, _ = smoke_run
    assert report.timed_on == ""
    assert {stage.latency_ratio for stage in report.stages} == {None}
    assert [stage.operator_times for stage in report.stages] == [[]] * 4
    assert {layer.seconds for stage in report.stages for layer in stage.layers} == {None}


@pytest.mark.parametrize(
    ("sections", "asks"),
    [
        ({}, False),
        ({"evaluation": {"latency": True}}, True),
        ({"constraints": {"max_latency_ratio": 2}}, True),
        ({"constraints": {"stages": {"baseline": {"max_latency_ratio": 2}}}}, True),
        ({"constraints": {"max_size": "1 MB"}}, False),
    ],
)
def test_the_key_or_a_limit_asks_for_it(sections, asks):
    assert compressor.load(RECIPE | sections).times_calls is asks


def test_a_run_that_asks_has_medians_ratios_operators_and_the_time_of_layers(run):
    report = run(evaluation={"latency": True})
    (stage,) = report.stages
    assert 0 < stage.latency_low <= stage.latency_median <= stage.latency_high
    assert (stage.latency_ratio, stage.latency_ratio_low, stage.latency_ratio_high) == (1.0, 1.0, 1.0)
    assert stage.latency_rounds >= 7 and stage.latency_threads == 1 and report.timed_on
    names = [row.operator for row in stage.operator_times]
    assert names.count("CONV_2D") == names.count("FULLY_CONNECTED") == 1
    (conv,) = [row for row in stage.operator_times if row.operator == "CONV_2D"]
    seconds = {layer.name: layer.seconds for layer in stage.layers}
    assert seconds[conv.weights] == conv.seconds > 0
    assert sum(own is not None for own in seconds.values()) == 2


def test_a_file_that_crashes_as_it_is_timed_is_told_and_the_run_goes_on(run, tmp_path, monkeypatch):
    (tmp_path / "sitecustomize.py").write_text(
        "import os, sys\nif any('latency_process' in each for each in sys.orig_argv):\n    os.abort()\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    report = run(evaluation={"latency": True})
    assert report.stages[-1].notes == [
        "calls cannot be timed: it crashes the process with SIGABRT, so latencies are those measured stage by stage"
    ]
    assert report.stages[-1].latency_ratio is None and report.stages[-1].latency_p50 > 0
