"""What MLflow's client reads of a run is what `report.json` has. `make test-long` installs MLflow for it."""

from pathlib import Path

import pytest
from tracked_runs import tell

pytestmark = pytest.mark.long


@pytest.fixture
def read(tmp_path, monkeypatch):
    """A function that gives the client, the run for the whole and those nested in it by name."""
    from mlflow import MlflowClient

    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.delenv("MLFLOW_EXPERIMENT_NAME", raising=False)

    def read(folder=tmp_path / "trackers" / "mlflow", experiment="compressor"):
        monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
        client = MlflowClient(folder.as_uri())
        runs = client.search_runs([client.get_experiment_by_name(experiment).experiment_id])
        (parent,) = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
        nested = {run.info.run_name: run for run in runs if run is not parent}
        assert {run.data.tags["mlflow.parentRunId"] for run in nested.values()} == {parent.info.run_id}
        return client, parent, nested

    return read


def test_figures_and_parameters_of_the_whole_and_of_each_stage_are_those_of_the_report(tmp_path, read):
    report, warnings = tell("mlflow", tmp_path)
    assert warnings == []
    client, parent, nested = read()
    assert (parent.info.run_name, parent.info.status) == ("made", "FINISHED")
    assert sorted(nested) == ["0-baseline", "1-prune", "2-ptq"]
    for number, row in enumerate(report["stages"]):
        run = nested[f"{number}-{row['id']}"]
        assert run.info.status == "FINISHED"
        figures = run.data.metrics
        assert (figures["bytes"], figures["gzip_bytes"]) == (row["bytes"], row["gzip_bytes"])
        for key in ("value", "low", "high"):
            assert figures[f"metrics/accuracy/{key}"] == row["metrics"]["accuracy"][key]
    assert nested["1-prune"].data.params["final_sparsity"] == "0.8"
    assert nested["0-baseline"].data.params["epochs"] == "5"
    assert nested["2-ptq"].data.tags["mlflow.note.content"] == "2 of 12 epochs"
    (epochs,) = report["stages"][1]["curves"]
    history = client.get_metric_history(nested["1-prune"].info.run_id, "epoch/val_loss")
    assert [(one.step, one.value) for one in history] == [(n, epoch["val_loss"]) for n, epoch in enumerate(epochs)]
    history = client.get_metric_history(parent.info.run_id, "bytes")
    assert [(one.step, one.value) for one in history] == [(n, row["bytes"]) for n, row in enumerate(report["stages"])]
    assert parent.data.metrics["constraints/missed"] == 1
    assert parent.data.params["steps.prune.with.final_sparsity"] == "0.8"
    assert parent.data.params["seed"] == "3"


def test_the_model_the_report_and_the_recipe_are_artifacts(tmp_path, read):
    report, _ = tell("mlflow", tmp_path)
    client, parent, _ = read()
    names = sorted(artifact.path for artifact in client.list_artifacts(parent.info.run_id))
    assert names == ["model.tflite", "recipe.yaml", "report.json"]
    kept = client.download_artifacts(parent.info.run_id, "recipe.yaml", str(tmp_path))
    assert Path(kept).read_text() == report["resolved_recipe"]


@pytest.mark.parametrize(("ending", "status"), [("the step failed", "FAILED"), ("KeyboardInterrupt", "KILLED")])
def test_a_run_that_fails_or_is_interrupted_is_closed(tmp_path, read, ending, status):
    tell("mlflow", tmp_path, ending)
    _, parent, nested = read()
    assert (parent.info.status, parent.data.tags["compressor.error"]) == (status, ending)
    assert {run.info.status for run in nested.values()} == {"FINISHED"}


def test_environment_variables_say_where_to(tmp_path, read, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", (tmp_path / "elsewhere").as_uri())
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "mine")
    _, warnings = tell("mlflow", tmp_path / "run")
    assert (warnings, (tmp_path / "run" / "trackers").exists()) == ([], False)
    _, parent, _ = read(tmp_path / "elsewhere", "mine")
    assert parent.info.status == "FINISHED"


def test_a_server_that_is_away_is_told_once_and_soon(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:letmein@127.0.0.1:9")
    _, (warning,) = tell("mlflow", tmp_path)
    assert warning.startswith("the tracker 'mlflow' (compressor ")
    assert warning.endswith("; it is told no more of this run, whose results are not affected")
    assert "letmein" not in warning
