"""A teacher by name becomes a plan of its own, or a reason why it cannot; a run makes it, keeps it and names it."""

from textwrap import dedent

import pytest

import compressor
from compressor.base.cache_folder import default_folder
from compressor.contracts.observer import Observer
from compressor.recipe.problems import RecipeError
from compressor.run.cache.store import Cache
from compressor.run.forecast import forecast

HEAD = "version: 1\nmodel: {source: mnist_cnn, train: {epochs: 1}}\ndata: {source: mnist}\n"
TEACHER = "version: 1\nname: big\nmodel: {source: mnist_cnn, with: {filters: 13}, train: {epochs: 1}}\n"
TEACHER += "data: {source: mnist}\nsteps: [{uses: fuse}, {uses: ptq}]\n"


@pytest.fixture
def write(tmp_path):
    """A function that writes a recipe and returns its path."""

    def put(text, name="student.yaml"):
        path = tmp_path / name
        path.write_text(dedent(text))
        return path

    return put


def taught(source, steps="[{uses: prune}]"):
    return HEAD + f"training: {{teacher: {source}}}\nsteps: {steps}\n"


def problems(path):
    with pytest.raises(RecipeError) as caught:
        compressor.plan(path)
    return [problem.render().split(": error: ")[-1].split("\n")[0] for problem in caught.value.problems]


class Listening(Observer):
    def __init__(self):
        self.events = []

    def training_started(self, step_id, epochs, steps_per_epoch):
        self.events.append(f"trains {step_id}")

    def step_finished(self, stage):
        self.events.append(f"finished {stage.id}")

    def teacher_stage_finished(self, stage):
        self.events.append(f"finished {stage.id}{', cached' if stage.cached else ''}")


def smoke(path, out, **how):
    listening = Listening()
    report, folder = compressor.apply(path, output=out, smoke=True, observer=listening, **how)
    return report, folder, listening.events


def test_a_bare_source_stands_for_a_teacher_with_the_usual_temperature(write):
    plan = compressor.plan(write(taught("baseline")))
    assert plan.steps[0].strategy.params.teacher.model_dump() == {
        "source": "baseline", "with_": {}, "temperature": 4.0, "soft_share": 0.7, "hints": [], "hint_weight": 1.0,
    }  # fmt: skip


def test_a_teacher_for_every_step_is_none_for_the_baseline_itself(write):
    plan = compressor.plan(
        write(taught("baseline", "[{uses: prune}, {uses: qat, with: {teacher: null}}, {uses: ptq}]"))
    )
    assert plan.baseline.teacher is None
    assert [step.teacher and step.teacher.name for step in plan.steps] == ["baseline", None, None]


def test_a_recipe_teaches_by_its_last_keras_model(write):
    write(TEACHER, "big.yaml")
    (step,) = compressor.plan(write(taught("big.yaml"))).steps
    assert step.teacher.name == "recipe big"
    assert [stage.id for stage in step.teacher.plan.stages] == ["baseline", "fuse"]


def test_a_shipped_recipe_teaches_by_its_name(write):
    (step,) = compressor.plan(write(taught('"recipe:baseline"'))).steps
    assert step.teacher.name == "recipe baseline"


def test_one_teacher_of_many_steps_is_one(write):
    write(TEACHER, "big.yaml")
    plan = compressor.plan(write(taught("big.yaml", "[{uses: prune}, {uses: qat}]")))
    assert plan.baseline.teacher is plan.steps[0].teacher is plan.steps[1].teacher
    assert list(plan.teachers) == ["recipe big"]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("mnist_cnn", "the model 'mnist_cnn' comes untrained; name a recipe that trains it as the teacher"),
        ("mnist_cn", "unknown model 'mnist_cn'; did you mean 'mnist_cnn'?"),
        ("prune_qat", "'prune_qat' is a recipe, not a trained model; write 'recipe:prune_qat'"),
        ('"recipe:prune_qatt"', "there is no recipe {here}/prune_qatt to make the teacher; did you mean 'prune_qat'?"),
        ("none.keras", "there is no model at {here}/none.keras to be the teacher; check the path"),
        ("x" * 300 + ".h5", "there is no model at {here}/" + "x" * 300 + ".h5 to be the teacher; check the path"),
        (
            "file.tflite",
            "file.tflite is not a Keras model, and a teacher must be one; name the file that it was made from",
        ),
        ("student.yaml", "the recipe would be its own teacher (student.yaml -> student.yaml); name another one"),
        ("bad.yaml", "unknown strategy 'prun'; did you mean 'prune'?"),
        ("tflite.yaml", "the recipe 'tflite' makes no Keras model, and a teacher must be one; name another"),
        ("3", "'training.teacher' takes a source or a mapping, not 3"),
        ("{temperature: 3}", "'source' is missing in 'training.teacher'; add it"),
        ("{source: baseline, temperature: 0.5}", "'training.teacher.temperature' must be 1 or more, but is 0.5"),
    ],
)
def test_what_cannot_teach_is_told_at_its_place(write, tmp_path, source, message):
    (tmp_path / "file.tflite").write_bytes(b"")
    write(HEAD + "steps: [{uses: prun}]\n", "bad.yaml")
    write("version: 1\nmodel: {source: file.tflite}\ndata: {source: mnist}\n", "tflite.yaml")
    assert problems(write(taught(source))) == [message.format(here=tmp_path)]


def test_two_recipes_that_teach_one_another_are_refused(write):
    write(taught("student.yaml"), "other.yaml")
    found = problems(write(taught("other.yaml")))
    assert found == [
        "the recipe would be its own teacher (student.yaml -> other.yaml -> student.yaml); name another one"
    ]


def test_the_baseline_does_not_teach_itself(write):
    text = "version: 1\nmodel: {source: mnist_cnn, train: {teacher: baseline}}\ndata: {source: mnist}\n"
    assert problems(write(text)) == ["the baseline cannot teach itself; name another teacher, or remove this"]


def test_a_run_makes_its_teacher_once_and_shows_it(write, tmp_path):
    write(TEACHER, "big.yaml")
    student = write(taught("big.yaml", "[{uses: prune}]").replace("epochs: 1", "epochs: 1, teacher: null"))
    report, folder, events = smoke(student, tmp_path / "out")
    assert events == [
        "trains baseline", "finished baseline", "trains teacher recipe big/baseline",
        "finished teacher recipe big/baseline", "finished teacher recipe big/fuse", "trains prune", "finished prune",
    ]  # fmt: skip
    assert [stage.teacher for stage in report.stages] == ["", "recipe big"]
    assert "- **prune**: learned from recipe big" in (folder / "report.md").read_text()
    assert {one.reason for one in forecast(compressor.plan(student, smoke=True), Cache(default_folder()))} == {"cached"}
    _, _, again = smoke(student, tmp_path / "again")
    assert again == [
        "finished baseline", "finished teacher recipe big/baseline, cached", "finished teacher recipe big/fuse, cached",
        "finished prune",
    ]  # fmt: skip


def test_another_teacher_is_another_result_and_the_same_under_another_name_is_not(write, tmp_path):
    write(TEACHER, "big.yaml")
    write(TEACHER, "same.yaml")
    write(TEACHER.replace("13", "14"), "other.yaml")
    bytes_of = {}
    for name in ("big", "same", "other"):
        text = taught(f"{name}.yaml").replace("epochs: 1", "epochs: 1, teacher: null")
        report, folder, _ = smoke(write(text), tmp_path / name)
        bytes_of[name] = (report.stages[-1].cached, (folder / "model.tflite").read_bytes())
    assert [cached for cached, _ in bytes_of.values()] == [False, True, False]
    assert bytes_of["big"][1] == bytes_of["same"][1] != bytes_of["other"][1]


def test_a_file_teaches_and_its_hash_is_in_the_lock(write, tmp_path, small_cnn):
    small_cnn().save(tmp_path / "teacher.keras")
    report, folder, _ = smoke(
        write(taught("teacher.keras").replace("epochs: 1", "epochs: 1, teacher: null")), tmp_path / "1"
    )
    lock = (folder / "lock.yaml").read_text()
    assert "stages/teachers/teacher.keras/stages/source.h5: " in lock
    assert report.stages[1].teacher == "teacher.keras"
    copied = (folder / "recipe.yaml").read_text()
    assert f"teacher: {tmp_path}/teacher.keras" in copied
    _, again, _ = smoke(folder / "recipe.yaml", tmp_path / "2", locked=folder / "lock.yaml")
    assert (again / "model.tflite").read_bytes() == (folder / "model.tflite").read_bytes()
