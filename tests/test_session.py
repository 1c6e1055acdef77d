"""`Session`: the same engine, step by step."""

import shutil

import pytest

import compressor
from compressor import CompressorError, Session, Splits
from compressor.models.litert.reading.contents import dissect


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
    assert repr(session).startswith("<session with mnist_cnn on mnist: <report of session: smoke run, baseline -> ")
    assert session._repr_html_().count("<tr>") == 5
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


class Tracker:
    def __init__(self):
        self.seen = []

    @compressor.hookimpl
    def run_started(self, plan):
        self.seen.append(("started", plan.recipe.name))

    @compressor.hookimpl
    def step_finished(self, stage, folder):
        self.seen.append((stage.id, folder.is_dir()))

    @compressor.hookimpl
    def run_finished(self, report, folder):
        self.seen.append(([stage.id for stage in report.stages], folder.is_dir()))

    @compressor.hookimpl
    def run_failed(self, plan, error):
        self.seen.append(([step.id for step in plan.steps], error))


@pytest.fixture
def tracker(monkeypatch):
    monkeypatch.setattr("compressor.planning.registered._registered", {})
    return Tracker()


def test_plugins_that_watch_are_told_how_a_session_goes_and_ends(session, tracker):
    compressor.register(tracker)
    session.train()
    session.close()
    session.close()
    assert tracker.seen == [("started", "session"), ("baseline", True), (["baseline"], True)]


def test_a_hook_that_is_registered_later_is_called_from_then_on(session, tracker):
    session.train()
    compressor.register(tracker)
    with pytest.raises(CompressorError), session:
        session.apply("fuse")
        session.apply("prun")
    message = tracker.seen.pop()[1]
    assert "unknown strategy 'prun'" in message
    assert tracker.seen == [("fuse", True)]


def test_a_session_that_cannot_start_fails_for_those_who_watch(tracker, tmp_path):
    compressor.register(tracker)
    with (
        pytest.raises(CompressorError) as caught,
        Session("os.path:join", "mnist", smoke=True, progress=False) as opened,
    ):
        opened.apply("ptq")
    assert tracker.seen == [(["ptq"], str(caught.value))]


def test_the_threads_of_a_session_are_those_of_its_recipe():
    session = Session("mnist_cnn", "mnist", smoke=True, progress=False, threads=2)
    assert session.recipe["threads"] == 2
    session.train()
    assert session.report().threads == 2
    with pytest.raises(CompressorError, match="'threads' must be 256 or less, but is 300"):
        Session("mnist_cnn", "mnist", smoke=True, progress=False, threads=300).train()


def test_what_trainings_of_a_session_compute_on_is_that_of_its_recipe():
    session = Session("mnist_cnn", "mnist", smoke=True, progress=False, runtime={"mixed_precision": "bfloat16"})
    assert session.recipe["runtime"] == {"mixed_precision": "bfloat16"}
    session.train()
    assert session.report().environment["mixed precision"] == "bfloat16"
    assert "runtime" not in Session("mnist_cnn", "mnist", smoke=True, progress=False).recipe
    with pytest.raises(CompressorError, match="'devices' goes with 'distribute: mirrored'; add that"):
        Session("mnist_cnn", "mnist", smoke=True, progress=False, runtime={"devices": 2}).train()


def test_trackers_follow_a_session_also_when_plugins_are_registered_meanwhile(tmp_path, tracker):
    class Following(compressor.Tracker):
        """Notes what it is told, in its folder."""

        name = "following"

        def run_started(self, plan, folder, resolved_recipe):
            self.folder.mkdir(parents=True)
            self._note("started")

        def step_finished(self, stage, folder):
            self._note(stage.id)

        def run_finished(self, report, folder):
            self._note(f"finished with {len(report.stages)} stages")

        def _note(self, text):
            with (self.folder / "notes.txt").open("a") as stream:
                stream.write(f"{text}\n")

    class Plugin:
        @compressor.hookimpl
        def trackers(self):
            return [Following]

    compressor.register(Plugin())
    how = {"smoke": True, "progress": False, "track_in": tmp_path / "followed"}
    with Session("mnist_cnn", "mnist", track=["following"], **how) as session:
        session.train()
        compressor.register(tracker)
        session.apply("fuse")
    notes = tmp_path / "followed" / "trackers" / "following" / "notes.txt"
    assert notes.read_text().splitlines() == ["started", "baseline", "fuse", "finished with 2 stages"]
    assert tracker.seen[0] == ("fuse", True)
    with pytest.raises(CompressorError) as error:
        Session("mnist_cnn", "mnist", track=["folowing"])
    assert str(error.value) == "there is no tracker 'folowing'; did you mean 'following'?"
