"""A lock says what a result was made of; the same again gives the same bytes, and anything else is refused."""

import os
import shutil
import subprocess
import sys

import pytest

import compressor
from compressor.base.errors import StepError
from compressor.base.machine import conditions
from compressor.recipe.document import dump
from compressor.recipe.problems import RecipeError
from compressor.run.cache.keys import file_digest
from compressor.run.lockfile import Lock, LockedError, lock_text, read_lock, refuse_moved, refuse_other_files


@pytest.fixture(scope="module")
def lock_path(smoke_run):
    return smoke_run[1] / "lock.yaml"


@pytest.fixture
def again(smoke_run, tmp_path):
    """A function that runs the smoke run's recipe again, on its cache and held to a lock."""

    def run(locked, **changes):
        where = {"output": tmp_path / "again", "cache": smoke_run[1].parent / "cache"}
        return compressor.apply("prune_qat", smoke=True, locked=locked, **where, **changes)

    return run


def moved(locked, now):
    with pytest.raises(LockedError) as error:
        refuse_moved(locked, now)
    return str(error.value)


def refused(*lines, remedy=""):
    listed = "".join(f"\n  {line}" for line in lines)
    remedy += "put these back, or run without --locked to make a new lock"
    return f"the run differs from the locked one:{listed}; {remedy}"


def keeps(threads):
    return (
        f"TensorFlow already computes with {threads} threads in this process, and keeps that number: run it in a new "
        "process, or restart the notebook's kernel; "
    )


def test_a_run_leaves_a_lock_with_the_hash_of_every_litert_file(smoke_run, lock_path):
    folder, lock = smoke_run[1], read_lock(lock_path)
    paths = {
        path.relative_to(folder).as_posix(): path for path in (folder / "stages").iterdir() if path.stem != "source"
    }
    paths["model.tflite"] = folder / "model.tflite"
    assert "stages/3-ptq.tflite" in paths
    assert lock.files == {name: file_digest(path) for name, path in paths.items()}
    assert (lock.seed, lock.smoke) == (0, True)
    assert set(lock.fingerprints) == {"model", "train", "validation", "test"}
    assert lock_path.read_text() == lock_text(lock)


def test_the_same_run_passes_and_gives_the_same_bytes(smoke_run, lock_path, again):
    _, folder = again(lock_path)
    for path in smoke_run[1].rglob("*.tflite"):
        assert (folder / path.relative_to(smoke_run[1])).read_bytes() == path.read_bytes()
    assert (folder / "lock.yaml").read_text() == lock_path.read_text()


def test_another_recipe_value_and_seed_are_refused_before_anything_runs(lock_path, again, tmp_path):
    with pytest.raises(LockedError) as error:
        again(lock_path, overrides=["steps.0.with.final_sparsity=0.6"], seed=3)
    text = str(error.value)
    assert "\n  recipe.steps.0.with.final_sparsity: locked " in text
    assert ", now 0.6\n" in text
    assert "\n  seed: locked 0, now 3" in text
    assert not (tmp_path / "again" / "model.tflite").exists()


@pytest.mark.parametrize(
    ("part", "name", "lines"),
    [
        ("versions", "numpy", ["versions.numpy: locked '0.1', now {now!r}"]),
        ("plugins", "step prune", ["plugins.step prune: locked '0.1', now {now!r}"]),
        ("code", "compressor_plugins.qat", ["code.compressor_plugins.qat: locked '0.1', now {now!r}"]),
        ("fingerprints", "train", ["fingerprints.train: locked '0.1', now {now!r}"]),
        ("environment", "instructions", ["environment.instructions: locked '0.1', now {now!r}"]),
    ],
)
def test_another_version_plugin_or_data_is_listed(lock_path, part, name, lines):
    now = read_lock(lock_path)
    older = {**getattr(now, part), name: "0.1"}
    text = moved(now.model_copy(update={part: older}), now)
    assert text == refused(*(line.format(now=getattr(now, part)[name]) for line in lines))


def test_every_difference_is_listed_at_once(lock_path):
    now = read_lock(lock_path)
    other = now.model_copy(update={"seed": 1, "smoke": False, "tool": "9"})
    assert moved(now, other) == refused(
        "seed: locked 0, now 1", "smoke: locked True, now False", f"tool: locked {now.tool!r}, now '9'"
    )


def test_threads_and_variables_that_change_the_rounding_are_differences_and_the_processors_name_is_none(lock_path):
    now = read_lock(lock_path)
    assert now.threads == 2
    assert now.environment == dict(conditions())
    other = now.model_copy(
        update={"threads": 4, "environment": {**now.environment, "TF_ENABLE_ONEDNN_OPTS": "0"}, "processor": "other"}
    )
    assert moved(now, other) == refused(
        "environment.TF_ENABLE_ONEDNN_OPTS: locked None, now '0'", "threads: locked 2, now 4", remedy=keeps(4)
    )
    refuse_moved(now, now.model_copy(update={"processor": "other"}))


def test_a_lock_made_with_other_threads_than_the_recipe_says_is_met_in_a_new_process_and_told_in_this_one(tmp_path):
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(
        "version: 1\nmodel: {source: mnist_cnn, train: {epochs: 1}}\ndata: {source: mnist}\nsteps: [{uses: fuse}]\n"
    )
    where = {"cache": tmp_path / "cache", "smoke": True}
    _, folder = compressor.apply(recipe, output=tmp_path / "run", **where)
    lock = read_lock(folder / "lock.yaml")
    assert lock.threads == 2
    (tmp_path / "lock.yaml").write_text(lock_text(lock.model_copy(update={"threads": 3, "files": {}})))
    with pytest.raises(LockedError) as error:
        compressor.apply(recipe, output=tmp_path / "here", locked=tmp_path / "lock.yaml", **where)
    assert str(error.value) == refused("threads: locked 3, now 2", remedy=keeps(2))
    command = [sys.executable, "-m", "compressor", "apply", recipe, "--smoke", "--locked", tmp_path / "lock.yaml"]
    environment = {**os.environ, "COMPRESSOR_CACHE": str(tmp_path / "cache")}
    done = subprocess.run(
        [*map(str, command), "-o", str(tmp_path / "new")], capture_output=True, text=True, timeout=300, env=environment
    )
    assert done.returncode == 0, done.stderr
    assert read_lock(tmp_path / "new" / "lock.yaml").threads == 3


def test_a_lock_of_an_earlier_version_is_read_and_what_it_does_not_say_is_a_difference(lock_path, tmp_path):
    now = read_lock(lock_path)
    data = now.model_dump(mode="json", exclude={"threads", "environment", "processor"})
    (tmp_path / "lock.yaml").write_text(dump(data))
    found = f"environment.instructions: locked None, now {now.environment['instructions']!r}"
    assert moved(read_lock(tmp_path / "lock.yaml"), now) == refused(found, "threads: locked None, now 2")


def test_other_bytes_made_on_another_processor_say_so(lock_path):
    lock = read_lock(lock_path)
    now = lock.model_copy(update={"files": {**lock.files, "model.tflite": "0" * 64}, "processor": "Mine"})
    with pytest.raises(StepError) as error:
        refuse_other_files(lock.model_copy(update={"processor": "Theirs"}), now)
    assert str(error.value) == (
        "files differ from the locked ones: model.tflite; they were made on another processor ('Theirs', and this is "
        "'Mine'), or run without --locked to make a new lock"
    )


def test_a_step_more_is_a_difference(lock_path):
    now = read_lock(lock_path)
    steps = now.recipe["steps"]
    longer = now.model_copy(update={"recipe": {**now.recipe, "steps": [*steps, {"uses": "ptq"}]}})
    assert moved(now, longer) == refused(f"recipe.steps: locked {steps!r}, now {[*steps, {'uses': 'ptq'}]!r}")


def test_the_files_of_a_lock_are_no_difference_before_the_run(lock_path):
    lock = read_lock(lock_path)
    refuse_moved(lock, lock.model_copy(update={"files": {}}))


def test_other_bytes_after_the_run_fail_it(lock_path, again, tmp_path):
    lock = read_lock(lock_path)
    (tmp_path / "other.yaml").write_text(
        lock_text(lock.model_copy(update={"files": {**lock.files, "model.tflite": "0" * 64}}))
    )
    with pytest.raises(StepError) as error:
        again(tmp_path / "other.yaml")
    assert str(error.value) == (
        "files differ from the locked ones: model.tflite; "
        "check that the machine is of the same kind, or run without --locked to make a new lock"
    )
    assert error.value.exit_code == 4


def test_a_file_that_was_not_made_is_not_the_locked_one(lock_path):
    lock = read_lock(lock_path)
    with pytest.raises(StepError, match=r"^files differ from the locked ones: model\.tflite, stages/"):
        refuse_other_files(lock, lock.model_copy(update={"files": {}}))


@pytest.mark.parametrize("text", ["version: 1\nname: a recipe\n", "version: 2\n", "{}\n"])
def test_a_file_that_is_no_lock_is_refused(tmp_path, text):
    path = tmp_path / "lock.yaml"
    path.write_text(text)
    with pytest.raises(LockedError) as error:
        read_lock(path)
    assert str(error.value) == f"{path} is not a lock file; name the lock.yaml of a run"


def test_a_missing_lock_is_refused_before_a_folder_is_made(tmp_path, again):
    with pytest.raises(RecipeError) as error:
        again(tmp_path / "none.yaml")
    assert str(tmp_path / "none.yaml") in str(error.value)


def test_a_lock_survives_its_file(lock_path, tmp_path):
    shutil.copy(lock_path, tmp_path / "copy.yaml")
    assert read_lock(tmp_path / "copy.yaml") == read_lock(lock_path)
    assert isinstance(read_lock(lock_path), Lock)


def test_keras_stages_are_locked_too_and_nothing_but_this_run_s_files(smoke_run, lock_path):
    folder, lock = smoke_run[1], read_lock(lock_path)
    assert {"stages/0-baseline.h5", "stages/1-prune.h5", "stages/2-qat.h5"} <= set(lock.files)
    assert all((folder / name).exists() for name in lock.files)


def test_the_lock_names_every_plugin_and_the_hash_of_its_code(lock_path):
    lock = read_lock(lock_path)
    assert {"model", "data", "metric accuracy", "step baseline", "step prune", "step qat", "step ptq"} == set(
        lock.plugins
    )
    folders = ("datasets", "metrics", "models", "prune", "ptq", "qat", "training")
    assert set(lock.code) == {"compressor", *(f"compressor_plugins.{folder}" for folder in folders)}
    assert all(len(digest) == 64 for digest in lock.code.values())


def test_the_lock_and_the_report_name_all_code_of_the_recipes_own(tmp_path, monkeypatch):
    watching = "import compressor\n\n@compressor.hookimpl\ndef run_started(plan):\n    pass\n"
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "own.py").write_text(watching + f"# {name}")
    (tmp_path / "locked_code.py").write_text(
        "import tf_keras\n\ndef build():\n"
        "    layers = [tf_keras.layers.Flatten(), tf_keras.layers.Dense(10)]\n"
        "    return tf_keras.Sequential([tf_keras.Input((28, 28)), *layers])\n"
        "\ndef error(outputs, labels):\n    return outputs.argmax(-1) != labels\n"
        "\ndef loss(labels, outputs):\n    return tf_keras.losses.sparse_categorical_crossentropy(labels, outputs)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    recipe = {
        "version": 1,
        "plugins": [str(tmp_path / "one" / "own.py"), str(tmp_path / "other" / "own.py")],
        "model": {"source": "locked_code:build", "train": {"epochs": 1, "loss": "locked_code:loss"}},
        "data": {"source": "mnist"},
        "evaluation": {"metrics": [{"uses": "locked_code:error", "higher_is_better": False}]},
    }
    report, folder = compressor.apply(recipe, output=tmp_path / "out", smoke=True)
    functions = ["locked_code:build", "locked_code:loss", "locked_code:error"]
    assert report.runs_code == [*recipe["plugins"], *functions]
    assert list(compressor.plan(recipe).runs_code) == report.runs_code
    code = read_lock(folder / "lock.yaml").code
    first_party = {"compressor", "compressor_plugins.datasets", "compressor_plugins.training"}
    assert set(code) == {*first_party, "locked_code", "own.py", "own.py too"}
    assert code["own.py"] != code["own.py too"]


def test_the_kept_recipe_leads_to_the_same_files_from_anywhere(tmp_path, small_cnn, monkeypatch):
    home = tmp_path / "a project"
    home.mkdir()
    small_cnn().save(home / "net.h5")
    (home / "own.py").write_text(
        "import compressor\n\ndef tell(text):\n    open('heard', 'a').write(text + '\\n')\n"
        "@compressor.hookimpl\ndef run_started(plan):\n    tell(f'started {plan.recipe.name}')\n"
        "@compressor.hookimpl\ndef step_finished(stage):\n    tell(f'finished {stage.id}')\n"
        "@compressor.hookimpl\ndef run_finished(report):\n    tell(f'all {len(report.stages)}')\n"
    )
    (home / "own.yaml").write_text(
        "version: 1\nplugins: [./own.py]\nmodel: {source: ./net.h5}\ndata: {source: mnist}\n"
        "steps: [{uses: ptq, with: {precision: float16}}]\n"
    )
    monkeypatch.chdir(home)
    _, first = compressor.apply("own.yaml", output=tmp_path / "first", smoke=True)
    heard = (home / "heard").read_text().splitlines()
    assert heard == ["started own", "finished baseline", "finished ptq", "all 2"], "its own hooks are called"
    monkeypatch.chdir(tmp_path)
    lock = first / "lock.yaml"
    _, again = compressor.apply(first / "recipe.yaml", output=tmp_path / "again", smoke=True, locked=lock)
    assert (again / "lock.yaml").read_text() == lock.read_text()
    assert read_lock(lock).recipe["model"]["source"] == "net.h5"
