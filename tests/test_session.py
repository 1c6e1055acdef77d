"""`Session`: the same engine, step by step."""

import shutil

import pytest

import compressor
from compressor import CompressorError, Session, Splits
from compressor.models.litert.contents import dissect


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A cache with the baseline that most of these sessions start from."""
    folder = tmp_path_factory.mktemp("trained") / "cache"
    Session(model="mnist_cnn", data="mnist", smoke=True, progress=False, cache=folder).train()
    return folder


@pytest.fixture(autouse=True)
def warm_cache(trained, tmp_path):
    shutil.copytree(trained, tmp_path / "cache")


@pytest.fixture
def session():
    return Session(model="mnist_cnn", data="mnist", smoke=True, progress=False)


def test_steps_are_taken_one_by_one_and_reported(session, capsys, tmp_path):
    session.train()
    assert session.apply("prune", final_sparsity=0.8).sparsity > 0.79
    session.apply("qat")
    assert session.apply("ptq", precision="int8").weight_bits == 8
    report = session.report()
    assert [stage.id for stage in report.stages] == ["baseline", "prune", "qat", "ptq"]
    assert "ptq" in capsys.readouterr().out
    saved = session.save(tmp_path / "model.tflite")
    assert dissect(saved.read_bytes()).bytes == report.stages[-1].bytes


def test_a_session_gives_the_files_that_the_recipe_gives(session, smoke_run):
    report, _ = smoke_run
    training = compressor.load("prune_qat").training.model_dump(exclude_unset=True)
    session = Session("mnist_cnn", "mnist", training=training, smoke=True, progress=False)
    session.train(epochs=10)
    stage = session.apply("prune", final_sparsity=0.82, epochs=8, ramp=0.4, learning_rate=6e-3, **{"except": ["conv"]})
    assert stage.metrics["accuracy"].value == report.stages[1].metrics["accuracy"].value
    assert stage.gzip_bytes == report.stages[1].gzip_bytes


def test_a_wrong_step_is_refused_and_the_session_goes_on(session):
    session.train()
    with pytest.raises(CompressorError) as error:
        session.apply("prune", final_sparsity=1.5)
    assert str(error.value) == "error: 'final_sparsity' must be below 1, but is 1.5"
    with pytest.raises(CompressorError, match="unknown strategy 'prun'; did you mean 'prune'"):
        session.apply("prun")
    with pytest.raises(CompressorError, match="'cnov' matches no layer of the model; did you mean 'conv'"):
        session.apply("prune", **{"except": ["cnov"]})
    assert session.apply("prune").id == "prune"
    assert [step["uses"] for step in session.recipe["steps"]] == ["prune"]


def test_an_untrained_model_must_be_trained_first(session):
    with pytest.raises(CompressorError, match="the model 'mnist_cnn' comes untrained"):
        session.apply("prune")


def test_there_is_nothing_to_report_or_to_save_at_first(session, tmp_path):
    with pytest.raises(CompressorError) as error:
        session.report()
    assert str(error.value) == "there is nothing to report yet; call train() or apply() first"
    with pytest.raises(CompressorError, match="there is nothing to save yet"):
        session.save(tmp_path / "x.tflite")


def test_a_model_and_data_from_memory_are_taken_as_they_are(small_cnn, digits):
    model = small_cnn()
    session = Session(model, Splits(digits.train, digits.test, digits.validation), smoke=True, progress=False)
    stage = session.apply("ptq", io="int8")
    assert stage.inputs[0].dtype == "int8"
    assert [stage.id for stage in session.report().stages] == ["baseline", "ptq"]


def test_a_session_that_is_closed_leaves_no_files(tmp_path):
    from compressor import Session

    with Session("mnist_cnn", "mnist", smoke=True, progress=False, cache=tmp_path / "cache") as session:
        session.train(epochs=1)
        folder = session._folder
        assert list(folder.rglob("*.tflite"))
    assert not folder.exists()
    assert list((tmp_path / "cache" / "running").glob("*.json")) == []


def test_a_session_that_cannot_start_holds_nothing(tmp_path):
    from compressor import Session

    session = Session("os.path:join", "mnist", smoke=True, progress=False, cache=tmp_path / "cache")
    with pytest.raises(CompressorError, match=r"os\.path:join"):
        session.apply("ptq")
    assert list((tmp_path / "cache" / "running").glob("*.json")) == []


def test_a_strategy_that_a_cell_registers_later_is_used_and_replaced(session, monkeypatch):
    monkeypatch.setattr("compressor.planning.registered._registered", {})

    def cell(share):
        @compressor.register
        class Trim(compressor.Strategy):
            """Set the smallest weights to zero."""

            name = "trim"

            def plan(self, state):
                return state.add("sparse")

            def apply(self, model, context):
                limits = [sorted(abs(w).ravel())[int(share * w.size)] for w in model.get_weights()]
                model.set_weights([w * (abs(w) >= limit) for w, limit in zip(model.get_weights(), limits, strict=True)])
                return model

    session.train()
    cell(0.3)
    assert 0.25 < session.apply("trim").sparsity < 0.35
    cell(0.6)
    assert 0.55 < session.apply("trim").sparsity < 0.65
