"""`compressor new recipe` writes a recipe that fits a model, or that of a family of models."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import family_models
import pytest

import compressor

STEPS = {
    "autoencoder": ["qat", "ptq"],
    "efficientnet": ["qat", "ptq"],
    "mobilenet": ["qat", "ptq"],
    "sequence": ["ptq"],
    "small-cnn": ["qat", "ptq"],
    "table": ["qat", "ptq"],
    "transformer": ["ptq"],
    "unet": ["qat", "ptq"],
}
TABLE = """\
# For a model of 771 weights in Dense; about 3.4 kB in int8.
version: 1
description: "Prune, train for int8, quantize, slim and pack."

model:
  source: ./table.keras
data:
  source: ./table.csv
  with:
    label: kind                          # the last column; name the one of the labels
training:                                # for every step that trains
  optimizer: adam
  learning_rate: 1e-3
  decay: cosine                          # down to zero, so that the last epochs settle
  batch_size: 64
  loss: sparse_categorical_crossentropy  # labels are class numbers
  teacher: baseline                      # the model as it was teaches, beside the labels
evaluation:
  metrics:                               # on the test split; constraints are about the first one
    - accuracy                           # share of samples that are classified right
steps:                                   # in this order; after each, the file that would ship is measured
  - uses: prune                          # int8 alone has about 3.4 kB; zeros cost next to nothing in a package
    with:
      final_sparsity: 0.5                # share of zeros, by estimate; more of them make a smaller package
      scope: global                      # one threshold, which prunes more where it costs less
      min_weights: 7                     # smaller kernels save nothing, and pruning them costs accuracy
      ramp: 0.5                          # share of the training in which zeros are made; the rest recovers accuracy
      epochs: 8
  - uses: qat                            # trains on with int8 simulated, so that the weights learn to live with it
    with:
      epochs: 3
      learning_rate: 3e-4                # gently: the model is trained
  - uses: ptq                            # a quarter of the float size
    with:
      precision: int8                    # weights and activations; `dynamic` if the drop is too large
  - uses: slim                           # names and metadata weigh much in a small file
  - uses: pack                           # the package is what ships; `prune_channels` if the device cannot unpack it
constraints:                             # a run that misses one ends with exit code 3
  max_accuracy_drop: 0.005               # of the first metric, in points: 0.5
  max_size: 2.5 kB                       # of the file that ships
"""
METRICS = {"autoencoder": "reconstruction_error", "unet": "mean_iou"}
SECONDS = 60
DATA_SET = '''
import compressor


class Acme(compressor.Dataset):
    """Digits of a stranger."""

    name = "acme"

    def load(self):
        raise compressor.DataError("it is not to be loaded", "leave it alone")


@compressor.hookimpl
def datasets():
    return [Acme]
'''


@pytest.fixture(scope="module")
def family(tensorflow, tmp_path_factory):
    """A function that gives the files of a family's model and data, which are written once."""
    folder = tmp_path_factory.mktemp("families")
    written = {}

    def files(name):
        if name not in written:
            written[name] = family_models.write(name, folder)
        return [str(path) for path in written[name]]

    return files


def steps_of(path):
    return [step.uses for step in compressor.load(path).steps]


def test_the_families_are_these(run):
    out = run("new", "recipe", "--help")[1]
    assert f"Families: {', '.join(family_models.FAMILIES)}." in " ".join(out.split())
    from compressor.scaffolding.families import names

    assert names() == sorted(family_models.FAMILIES)


@pytest.mark.parametrize("name", family_models.FAMILIES)
def test_the_recipe_of_a_family_is_valid_and_can_be_planned_for_a_model_of_it(name, family, run):
    model, data = family(name)
    code, out, err = run("new", "recipe", "--family", name, "--model", model, "--data", data, "--max-drop", "2%")
    assert (code, err) == (0, "")
    assert out.splitlines()[0] == f"recipe.yaml: the recipe of the family {name}"
    assert run("validate", "--strict", "recipe.yaml") == (0, "1 recipe valid\n", "")
    assert run("plan", "recipe.yaml")[0] == 0
    constraints = compressor.load("recipe.yaml").constraints
    assert 0.02 in (constraints.max_accuracy_drop, constraints.max_relative_drop)


@pytest.mark.parametrize("name", family_models.FAMILIES)
def test_a_recipe_for_a_model_goes_by_its_layers_outputs_and_labels(name, family, run):
    model, data = family(name)
    code, _, err = run("new", "recipe", "--model", model, "--data", data)
    assert (code, err) == (0, "")
    assert run("validate", "--strict", "recipe.yaml") == (0, "1 recipe valid\n", "")
    assert run("plan", "recipe.yaml")[0] == 0
    recipe = compressor.load("recipe.yaml")
    assert [step.uses for step in recipe.steps] == STEPS[name]
    assert [metric.uses for metric in recipe.evaluation.metrics] == [METRICS.get(name, "accuracy")]
    assert recipe.data.targets == ("inputs" if name == "autoencoder" else "labels")


LONG = [name for name in family_models.FAMILIES if name != "table"]  # ten seconds and more each; it stands for them


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.long] * (name in LONG)) for name in family_models.FAMILIES]
)
def test_the_recipe_of_a_family_runs_on_a_model_of_it(name, family, run, tmp_path):
    model, data = family(name)
    run("new", "recipe", "--family", name, "--model", model, "--data", data)
    quick = ["steps.pack.with.coder=zstd"] if name == "table" else []  # trying every coder takes a minute
    report, folder = compressor.apply("recipe.yaml", overrides=quick, smoke=True, output=tmp_path / "out")
    assert [stage.uses for stage in report.stages[1:]] == steps_of("recipe.yaml")
    most_bits = 12 if name == "transformer" else 9  # its dynamic activations leave small kernels in float
    assert report.stages[-1].weight_bits < most_bits
    assert (folder / "model.tflite").is_file()


@pytest.mark.long
@pytest.mark.parametrize("name", family_models.FAMILIES)
def test_a_recipe_for_a_model_runs_and_so_does_one_for_a_small_file(name, family, run, tmp_path):
    model, data = family(name)
    for number, size in enumerate(("1MB", "3kB")):
        run("new", "recipe", "--model", model, "--data", data, "--max-size", size, "--force")
        quick = ["steps.pack.with.coder=zstd"] if "pack" in steps_of("recipe.yaml") else []
        report, _ = compressor.apply("recipe.yaml", overrides=quick, smoke=True, output=tmp_path / f"out{number}")
        assert [stage.uses for stage in report.stages[1:]] == steps_of("recipe.yaml")


def test_every_line_says_why_it_is_there(family, run, tmp_path):
    for path in map(Path, family("table")):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    limits = ("--max-size", "2.5kB", "--max-drop", "0.5%", "--output", "mine.yaml")
    assert run("new", "recipe", "--model", "table.keras", "--data", "table.csv", *limits) == (
        0,
        "mine.yaml: a recipe with the steps prune, qat, ptq, slim, pack\n"
        "  compressor plan mine.yaml            shows what it would run\n"
        "  compressor apply mine.yaml --smoke   tries it on a few samples\n",
        "",
    )
    assert (tmp_path / "mine.yaml").read_text() == TABLE


def test_paths_start_from_the_folder_of_the_recipe(family, run, tmp_path, monkeypatch):
    model, data = (Path(path) for path in family("table"))
    (tmp_path / "my #1 model.keras").write_bytes(model.read_bytes())
    (tmp_path / "table.csv").write_bytes(data.read_bytes())
    (tmp_path / "there").mkdir()
    options = ("--model", "my #1 model.keras", "--data", "table.csv", "--output", "there/mine.yaml")
    for family_option in ((), ("--family", "table")):
        assert run("new", "recipe", *options, *family_option, "--force")[0] == 0
        recipe = compressor.load("there/mine.yaml")
        assert (recipe.model.source, recipe.data.source) == ("../my #1 model.keras", "../table.csv")
        assert recipe.data.with_ == {"label": "kind"}
        assert run("validate", "--strict", "there/mine.yaml")[0] == 0


def test_a_family_without_a_model_is_left_to_be_filled_in(run, tmp_path):
    assert run("new", "recipe", "--family", "unet", "--max-size", "30 kB", "--output", "mine.yaml") == (
        0,
        "mine.yaml: the recipe of the family unet\n  put your own model and data into it, as --model and --data do\n",
        "",
    )
    recipe = compressor.load("mine.yaml")
    assert (recipe.model.source, recipe.data.source, recipe.constraints.max_size) == ("model.keras", "data.npz", 30_000)
    assert "yaml-language-server" not in (tmp_path / "mine.yaml").read_text()


def test_a_registered_model_that_comes_untrained_is_trained_first(run, tensorflow):
    assert run("new", "recipe", "--model", "mnist_cnn", "--data", "mnist", "--max-size", "10kB")[0] == 0
    recipe = compressor.load("recipe.yaml")
    assert recipe.model.train == {"epochs": 10}
    assert [step.uses for step in recipe.steps] == ["prune", "qat", "ptq", "slim", "pack"]
    assert run("validate", "--strict", "recipe.yaml") == (0, "1 recipe valid\n", "")


def test_a_data_set_of_a_plugin_makes_its_distribution_a_requirement(run, install, tensorflow):
    install("acme-data", DATA_SET, version="1.4")
    for options in ((), ("--family", "small-cnn")):
        assert run("new", "recipe", "--model", "mnist_cnn", "--data", "acme", "--force", *options)[0] == 0
        recipe = compressor.load("recipe.yaml")
        assert recipe.requires == {"acme-data": ">=1.4"}
        assert recipe.model.train == {"epochs": 10}
        assert run("validate", "--strict", "recipe.yaml") == (0, "1 recipe valid\n", "")


def test_what_the_steps_will_hardly_reach_is_said(run, tensorflow, tmp_path):
    code, _, err = run("new", "recipe", "--model", "mnist_cnn", "--data", "mnist", "--max-size", "2 kB")
    assert (code, err) == (0, "warning: by estimate, the steps reach 3.2 kB, and not 2.0 kB\n")
    assert "# Warning: by estimate, the steps reach 3.2 kB, and not 2.0 kB.\n" in (tmp_path / "recipe.yaml").read_text()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ((), 2, "Error: --model and --data must be given, or --family for a recipe to put them into"),
        (("--model", "m.keras"), 2, "Error: --data must be given, or --family for a recipe to put them into"),
        (
            ("--family", "unett"),
            2,
            "error: there is no family 'unett'; did you mean 'unet'?",
        ),
        (
            ("--family", "unet", "--max-size", "big"),
            2,
            "error: --max-size: 'big' is not a size; write bytes, or a number with kB, MB, GB, KiB, MiB or GiB",
        ),
        (
            ("--family", "unet", "--max-size", "0"),
            2,
            "error: --max-size: '0' leaves no room for a file; give more",
        ),
        (
            ("--family", "unet", "--max-drop", "half"),
            2,
            "error: --max-drop: 'half' is no share from 0 to 1; write 0.5%, or 0.005",
        ),
        (
            ("--family", "unet", "--max-drop", "2"),
            2,
            "error: --max-drop: '2' is no share from 0 to 1; write 0.5%, or 0.005",
        ),
        (("--model", "m.keras", "--data", "mnist"), 1, "error: there is no model file m.keras; check the path"),
        (("--model", "m.keras", "--family", "table"), 1, "error: there is no model file m.keras; check the path"),
        (
            ("--model", "mnist_cn", "--data", "mnist"),
            1,
            "error: there is no model 'mnist_cn'; did you mean 'mnist_cnn'? A file has a suffix such as .keras",
        ),
        (
            ("--model", "mnist_cnn", "--data", "mnits"),
            1,
            "error: there is no data set 'mnits'; did you mean 'mnist'?",
        ),
        (
            ("--family", "unet", "--data", "/no/data.npz"),
            1,
            "error: there is no data at /no/data.npz; check the path",
        ),
        (
            ("--family", "unet", "--output", "no/mine.yaml"),
            1,
            "error: there is no folder {here}/no; create it first",
        ),
    ],
)
def test_options_that_will_not_do_are_told_and_nothing_is_written(run, tmp_path, arguments, code, message):
    done, out, err = run("new", "recipe", *arguments)
    assert (done, out, err.splitlines()[-1]) == (code, "", message.format(here=tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_a_recipe_that_is_there_is_replaced_only_if_that_is_asked_for(run, tmp_path):
    (tmp_path / "recipe.yaml").write_text("mine")
    message = "error: recipe.yaml exists already; choose another name, or pass --force to replace it\n"
    assert run("new", "recipe", "--family", "table") == (1, "", message)
    assert (tmp_path / "recipe.yaml").read_text() == "mine"
    assert run("new", "recipe", "--family", "table", "--force")[0] == 0
    assert compressor.load("recipe.yaml").data.source == "data.csv"


def answered(tmp_path, answers, *arguments):
    """What the command says in a terminal where these answers are typed: (exit code, standard output, the terminal)."""
    ours, theirs = pty.openpty()
    try:
        os.write(ours, answers)
        command = [sys.executable, "-m", "compressor", "new", "recipe", *arguments]
        done = subprocess.run(
            command, cwd=tmp_path, stdin=theirs, capture_output=True, text=True, timeout=SECONDS, check=False
        )
    finally:
        os.close(ours)
        os.close(theirs)
    return done.returncode, done.stdout, done.stderr


def test_in_a_terminal_what_is_missing_is_asked_for(tmp_path):
    code, out, err = answered(tmp_path, b"mine.keras\nmnist\n\n\n")
    assert (code, out) == (1, "")
    assert err == (
        "Model: a file, or the name of a registered one: "
        "Data: a file or folder, or the name of a registered set: "
        "Largest file, as 25kB; nothing for a quarter of the size []: "
        "Largest drop of the accuracy, as 0.5% [1%]: "
        "error: there is no model file mine.keras; check the path\n"
    )
    code, _, err = answered(tmp_path, b"mnist\n\nlots\n", "--model", "mine.keras")
    assert code == 2
    assert err.endswith("error: --max-drop: 'lots' is no share from 0 to 1; write 0.5%, or 0.005\n")


def test_who_answers_nothing_more_has_changed_nothing(tmp_path):
    code, out, err = answered(tmp_path, b"\x04")
    assert (code, out) == (130, "")
    assert err.endswith("interrupted; nothing was changed\n")
    assert list(tmp_path.iterdir()) == []


def test_the_shell_is_offered_families(run):
    from click.shell_completion import ShellComplete

    from compressor.cli import root

    line = ShellComplete(root, {}, "compressor", "_COMPRESSOR_COMPLETE")
    offered = line.get_completions(["new", "recipe", "--family"], "t")
    assert [item.value for item in offered] == ["table", "transformer"]


def test_names_of_models_and_sizes_are_in_the_plan(run, tensorflow):
    run("new", "recipe", "--model", "lenet_300_100", "--data", "mnist", "--max-size", "25kB")
    plan = json.loads(run("plan", "recipe.yaml", "--json")[1])
    assert plan["recipe"]["constraints"] == {"max_accuracy_drop": 0.01, "max_size": "25 kB"}
