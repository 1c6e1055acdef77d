"""What TensorBoard's own reader reads of a run is what `report.json` has."""

import pytest
from tensorboard.backend.event_processing.event_accumulator import STORE_EVERYTHING_SIZE_GUIDANCE, EventAccumulator
from tensorboard.plugins.hparams.api_pb2 import Status
from tensorboard.plugins.hparams.metadata import (
    SESSION_END_INFO_TAG,
    SESSION_START_INFO_TAG,
    parse_session_end_info_plugin_data,
    parse_session_start_info_plugin_data,
)
from tracked_runs import tell


def read(folder):
    accumulator = EventAccumulator(str(folder), size_guidance=STORE_EVERYTHING_SIZE_GUIDANCE)
    accumulator.Reload()
    return accumulator


def series(accumulator, tag):
    return [(event.step, event.value) for event in accumulator.Scalars(tag)]


def test_figures_of_stages_and_epochs_are_those_of_the_report(tmp_path):
    report, warnings = tell("tensorboard", tmp_path)
    assert warnings == []
    folder = tmp_path / "trackers" / "tensorboard"
    assert sorted(path.name for path in folder.iterdir()) == ["0-baseline", "1-prune", "stages"]
    stages = read(folder / "stages")
    for tag, figure in {
        "bytes": lambda row: row["bytes"],
        "sparsity": lambda row: row["sparsity"],
        "latency_p50": lambda row: row["latency_p50"],
        "metrics/accuracy/value": lambda row: row["metrics"]["accuracy"]["value"],
        "metrics/accuracy/low": lambda row: row["metrics"]["accuracy"]["low"],
        "agreement/signal_to_noise": lambda row: row["agreement"]["signal_to_noise"],
    }.items():
        assert series(stages, tag) == [(n, pytest.approx(figure(row))) for n, row in enumerate(report["stages"])], tag
    change = report["stages"][2]["metrics"]["accuracy"]["from_baseline"]["difference"]
    assert series(stages, "metrics/accuracy/from_baseline/difference")[1] == (2, pytest.approx(change))
    assert series(stages, "run/seconds") == [(2, pytest.approx(report["seconds"]))]
    assert series(stages, "run/constraints/missed") == [(2, 1.0)]
    (epochs,) = report["stages"][1]["curves"]
    trained = read(folder / "1-prune")
    for name in ("loss", "accuracy", "val_loss", "val_accuracy"):
        expected = [(epoch, pytest.approx(figures[name])) for epoch, figures in enumerate(epochs)]
        assert series(trained, f"epoch/{name}") == expected


def test_weights_before_and_after_are_histograms(tmp_path):
    report, _ = tell("tensorboard", tmp_path)
    stages = read(tmp_path / "trackers" / "tensorboard" / "stages")
    before, _, after = stages.Histograms("weights/dense/MatMul")
    for event, row in ((before, report["stages"][0]), (after, report["stages"][2])):
        spread = row["layers"][1]["spread"]
        assert event.histogram_value.bucket == spread["counts"]
        assert (event.histogram_value.min, event.histogram_value.max) == (spread["low"], spread["high"])
        assert event.histogram_value.bucket_limit[-1] == pytest.approx(spread["high"])
        assert event.histogram_value.num == sum(spread["counts"])


@pytest.mark.parametrize(
    ("ending", "status"),
    [("", "STATUS_SUCCESS"), ("the step failed", "STATUS_FAILURE"), ("KeyboardInterrupt", "STATUS_UNKNOWN")],
)
def test_hyperparameters_are_the_values_of_the_recipe_and_the_ending_is_told(tmp_path, ending, status):
    tell("tensorboard", tmp_path, ending)
    data = read(tmp_path / "trackers" / "tensorboard" / "stages").PluginTagToContent("hparams")
    start = parse_session_start_info_plugin_data(data[SESSION_START_INFO_TAG])
    values = {name: getattr(value, value.WhichOneof("kind")) for name, value in start.hparams.items()}
    assert values["steps.prune.with.final_sparsity"] == 0.8
    assert values["model.source"] == "mnist_cnn"
    assert (values["seed"], values["smoke"]) == (3, False)
    assert parse_session_end_info_plugin_data(data[SESSION_END_INFO_TAG]).status == Status.Value(status)


def test_a_run_that_goes_on_in_its_folder_is_told_of_anew(tmp_path):
    tell("tensorboard", tmp_path, "KeyboardInterrupt")
    tell("tensorboard", tmp_path)
    stages = read(tmp_path / "trackers" / "tensorboard" / "stages")
    assert [step for step, _ in series(stages, "bytes")] == [0, 1, 2]
