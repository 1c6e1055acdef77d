"""`compressor new plugin` writes a package that works as it is."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = """\
.github/workflows/ci.yml
.gitignore
README.md
pyproject.toml
recipe.yaml
src/acme_filters/__init__.py
src/acme_filters/clip.py
src/acme_filters/py.typed
src/acme_filters/trim.py
tests/test_conformance.py
tests/test_recipe.py
"""
SECONDS = 540  # that a child process of a long test gets


@pytest.fixture
def installed(run, tmp_path, monkeypatch):
    """The package `Acme.Filters`, written and, for this process, installed: its folder."""
    assert run("new", "plugin", "Acme.Filters")[0] == 0
    folder = tmp_path / "Acme.Filters"
    info = folder / "src" / "acme_filters-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-filters\nVersion: 0.1.0\n")
    (info / "entry_points.txt").write_text("[compressor]\nacme-filters = acme_filters\n")
    monkeypatch.syspath_prepend(folder / "src")
    yield folder
    for module in [name for name in sys.modules if name.partition(".")[0] == "acme_filters"]:
        del sys.modules[module]


def written(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_the_package_is_written_and_what_comes_next_is_told(run, tmp_path):
    assert run("new", "plugin", "Acme.Filters") == (
        0,
        "Acme.Filters: 11 files of the package acme-filters, with the strategies acme_filters_trim and "
        "acme_filters_clip\n"
        "  pip install --editable ./Acme.Filters\n"
        "  compressor apply Acme.Filters/recipe.yaml --smoke\n"
        "then make a strategy of your own of Acme.Filters/src/acme_filters/trim.py, or clip.py, which trains\n",
        "",
    )
    assert written(tmp_path / "Acme.Filters") == FILES.splitlines()


def test_nothing_in_it_has_the_name_of_the_template(run, tmp_path):
    run("new", "plugin", "acme-filters", "--output", "there")
    for path in (tmp_path / "there").rglob("*"):
        assert not re.search("my.?plugin", path.name, re.IGNORECASE), path
        assert path.is_dir() or not re.search("my.?plugin", path.read_text(), re.IGNORECASE), path


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "two words",
            "'two words' is no name of a distribution: letters, digits and single dashes; choose another name, such as "
            "my-plugin",
        ),
        (
            "../away",
            "'../away' is no name of a distribution: letters, digits and single dashes; choose another name, such as "
            "my-plugin",
        ),
        ("a" * 41, f"'{'a' * 41}' has more than 40 characters; choose another name, such as my-plugin"),
        ("json", "'json' is a module of Python's own; choose another name, such as my-plugin"),
        (
            "Class",
            "'class' is a word of Python's own, and no module can be called so; choose another name, such as my-plugin",
        ),
    ],
)
def test_a_name_that_will_not_do_is_told_and_nothing_is_written(run, tmp_path, name, message):
    assert run("new", "plugin", name) == (1, "", f"error: {message}\n")
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_a_module_has_already_is_told(run):
    code, out, err = run("new", "plugin", "compressor")
    assert (code, out) == (1, "")
    assert re.fullmatch(r"error: a module 'compressor' is there already, in .+__init__\.py; choose another name\n", err)


def test_files_that_are_there_are_replaced_only_if_that_is_asked_for(run, tmp_path):
    run("new", "plugin", "acme")
    recipe, own = tmp_path / "acme" / "recipe.yaml", tmp_path / "acme" / "own.txt"
    text = recipe.read_text()
    recipe.write_text("changed")
    own.write_text("own")
    assert run("new", "plugin", "acme") == (
        1,
        "",
        "error: the folder acme is not empty; choose another name or --output FOLDER, or pass --force to replace the "
        "files that the template has\n",
    )
    assert recipe.read_text() == "changed"
    assert run("new", "plugin", "acme", "--force")[0] == 0
    assert (recipe.read_text(), own.read_text()) == (text, "own")


def test_a_file_is_no_folder_to_write_to(run, tmp_path):
    (tmp_path / "acme").write_text("a file")
    message = "error: acme exists, and is not a folder; choose another name, or --output FOLDER\n"
    assert run("new", "plugin", "acme", "--force") == (1, "", message)


def test_once_installed_its_strategies_are_listed_and_its_recipe_is_valid(installed, run):
    listed = {entry["name"]: entry for entry in json.loads(run("strategies", "--json")[1])}
    found = {name: entry for name, entry in listed.items() if name.startswith("acme")}
    assert {name: (entry["distribution"], entry["version"]) for name, entry in found.items()} == {
        "acme_filters_clip": ("acme-filters", "0.1.0"),
        "acme_filters_trim": ("acme-filters", "0.1.0"),
    }
    recipe = str(installed / "recipe.yaml")
    assert run("validate", "--strict", recipe) == (0, "1 recipe valid\n", "")
    stages = json.loads(run("plan", recipe, "--json")[1])["stages"]
    assert [(stage["uses"], stage["after"]) for stage in stages] == [
        ("train", "keras"),
        ("acme_filters_trim", "keras, sparse"),
        ("acme_filters_clip", "keras, sparse"),
        ("ptq", "litert, quantized, sparse"),
    ]


def test_its_strategies_do_what_they_say(installed, small_cnn, step_context):
    import numpy as np
    from acme_filters import Clip, Trim

    from compressor.contracts.model_state import ModelState

    model = Trim(Trim.Params(share=0.5)).apply(small_cnn(), step_context())
    kernels = [weight for weight in model.trainable_weights if weight.shape.rank > 1]
    assert [np.mean(weight.numpy() == 0) for weight in kernels] == [0.5, 0.5]
    before = [weight.numpy() for weight in kernels]
    limits = [1.5 * np.sqrt(np.mean(weight**2)) for weight in before]
    assert all(abs(weight).max() > limit for weight, limit in zip(before, limits, strict=True))
    clip = Clip(Clip.Params(epochs=1, largest=1.5, learning_rate=0.01))
    model = clip.apply(model, step_context(ModelState().add("sparse")))
    for weight, was, limit in zip(kernels, before, limits, strict=True):
        assert abs(weight.numpy()).max() <= limit * (1 + 1e-6)
        assert ((weight.numpy() == 0) >= (was == 0)).all()
        assert not np.array_equal(weight.numpy(), was)


def test_its_strategies_refuse_a_model_that_is_frozen(installed, small_cnn, step_context):
    from acme_filters import Clip, Trim

    from compressor import StepError

    model = small_cnn()
    model.trainable = False
    with pytest.raises(StepError) as error:
        Trim(Trim.Params()).apply(model, step_context())
    assert str(error.value) == "no kernel has weights to trim; unfreeze a layer, or raise 'share'"
    with pytest.raises(StepError) as error:
        Clip(Clip.Params()).apply(model, step_context())
    assert str(error.value) == "the model has no kernel to train; unfreeze a layer"


def first_commands():
    """The commands of the first block of the page on plugins."""
    block = re.search(r"^```\n(.*?)^```", (ROOT / "docs" / "plugins.md").read_text(), re.DOTALL | re.MULTILINE)
    return block[1].splitlines()


def test_the_way_from_an_empty_folder_to_a_strategy_is_short(run, tmp_path):
    commands = first_commands()
    assert commands[0] == "compressor new plugin my-plugin"
    assert len(commands) <= 5
    run(*shlex.split(commands[0])[1:])
    assert len((tmp_path / "my-plugin/src/my_plugin/trim.py").read_text().splitlines()) <= 30


def test_every_file_of_the_template_is_packaged():
    patterns = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]
    room = ROOT / "compressor" / "scaffolding"
    packaged = {path for pattern in patterns["compressor.scaffolding"] for path in room.glob(pattern)}
    files = [path for path in (room / "plugin-template").rglob("*") if path.is_file()]
    template = {path for path in files if not any(part.endswith(("_cache", "__pycache__")) for part in path.parts)}
    assert len(template) == len(FILES.splitlines())
    assert template - packaged == set()


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """A new environment with this tool installed from a wheel, and links to the libraries of this one: its Python."""
    folder = tmp_path_factory.mktemp("clean")
    venv.create(folder / "env", with_pip=False)
    python = folder / "env" / "bin" / "python"
    say = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = subprocess.run([python, "-c", say], capture_output=True, text=True, check=True, timeout=SECONDS).stdout
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if not entry.name.startswith(("compressor", "__")):  # this tool may be installed in place, and its caches
            (Path(site.strip()) / entry.name).symlink_to(entry)
    source = folder / "source"
    for name in ("compressor", "plugins", "recipes"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__", ".*_cache"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    called([sys.executable, *PIP, source], folder, python)
    return python


PIP = ("-m", "pip", "--python", "{python}", "install", "--quiet", "--no-deps", "--no-build-isolation")


def called(command, folder, python):
    """Run a command in a folder, and fail with what it says if it fails."""
    words = [str(word).replace("{python}", str(python)) for word in command]
    cache = {**os.environ, "COMPRESSOR_CACHE": str(python.parents[2] / "cache")}
    done = subprocess.run(words, cwd=folder, env=cache, capture_output=True, text=True, timeout=SECONDS)
    assert done.returncode == 0, f"{' '.join(words)}\n{done.stdout}\n{done.stderr}"


@pytest.mark.long
def test_the_commands_of_the_page_on_plugins_work_and_the_package_passes_its_own_ci(environment, tmp_path):
    """In an environment of its own, which has the tool as a user would have it. Its libraries are those of this one."""

    def call(line, folder):
        program, *words = shlex.split(line)
        if program == "pip":
            assert words[0] == "install"
            called([sys.executable, *PIP, *words[1:]], folder, environment)
        else:
            python = sys.executable if program == "ruff" else environment  # whose program is not among the libraries
            called([python, "-m", program, *words], folder, environment)

    for line in first_commands():
        call(line, tmp_path)
    call("compressor new recipe --family unet", tmp_path)  # the recipes of families are in the wheel, too
    package = tmp_path / "my-plugin"
    steps = re.findall(r"^      - run: (.*)$", (package / ".github/workflows/ci.yml").read_text(), re.MULTILINE)
    assert len(steps) == 5
    for line in steps[1:]:  # the first one installs it
        for part in line.split(" && "):
            call(part, package)
