"""Every block of code and every command in the README and the docs is run, or says above it why it cannot be."""

import json
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from functools import partial
from importlib.resources import as_file, files
from pathlib import Path
from types import ModuleType

import click
import numpy as np
import pytest
import yaml
from doc_pages import KINDS, PAGES, ROOT, blocks, is_slow

import compressor
from compressor.cli import root
from compressor.cli.boundary import run_guarded
from compressor.devices.profile_files import device_in, shipped_files
from compressor.planning.open_recipe import planned_space
from compressor.planning.plugin_checks import CONTRACTS, brought
from compressor.recipe.search_syntax import OpenRecipeError

RUN = "2026-11-24T22-39-11-da0803"
TUTORIAL = ROOT / "docs" / "tutorial.md"
STANDS_FOR = {  # what the words in capitals stand for, where a command is run
    "RECIPES": "first.yaml",
    "RECIPE": "first.yaml",
    "MODEL.tfpack": "packed.tfpack",
    "MODEL": "model.tflite",
    "OUTPUT.h": "model.h",
    "OUTPUT": "other.tflite",
    "FOLDER": "source-files",
    "DATA": "digits.npz",
    "DEVICE": "cortex-m4-256k",
    "RUN": f"runs/mine/{RUN}",
    "[NAME]": "prune",
}
OF_FLOAT_MODELS = {"MODEL": "model.h5", "NAME": "mixed_precision"}
STANDS_FOR_IN = {  # where it stands for something else
    "convert": OF_FLOAT_MODELS,
    "sensitivity": OF_FLOAT_MODELS,
    "fit": {"FILE": "model.tflite"},
    "compare": {"A": "model.tflite", "B": "model_int8.tflite"},
    "search": {"RECIPE": "open.yaml"},
    "new": {"FILE": "model.h5", "SOURCE": "digits.npz", "NAME": "my-own-plugin"},
}
BASE = {"version": 1, "model": {"source": "mnist_cnn", "train": {"epochs": 1}}, "data": {"source": "mnist"}}
MISSPELT = "extends: baseline\nname: mine\nsteps:\n  - uses: ptq\n    with: {precison: int8}\n  - uses: prun\n"


def each(found, name=lambda block: block.place):
    return [pytest.param(block, id=name(block)) for block in found]


def page_name(page):
    return str(page.relative_to(ROOT))


# What is marked, and how


def test_every_block_has_a_kind_and_a_place_where_it_is_found():
    for block in blocks():
        assert block.kind in KINDS, f"{block.place}: write one of {', '.join(KINDS)} behind the three backticks"
    for page in PAGES:
        assert not re.search(r"^ +```", page.read_text(), re.MULTILINE), f"{page_name(page)}: a block is indented"
        marks = re.findall(r"^ *<!-- (?:not run|long|file)\b.*\n(?!<!--|```)", page.read_text(), re.MULTILINE)
        assert marks == [], f"{page_name(page)}: a mark stands directly above a block"


def test_blocks_that_cannot_be_run_say_why():
    found = [f"{page_name(block.page)}: {block.not_run}" for block in blocks() if block.not_run]
    assert found == [
        "README.md: sets up an environment and runs for minutes",
        "CONTRIBUTING.md: sets up an environment and runs all tests",
        "docs/ci.md: does not end by itself",
        "docs/ci.md: runs on GitHub",
        "docs/ci.md: runs on GitHub",
        "docs/ci.md: runs on GitLab",
        "docs/ci.md: needs the published repository; a test runs the hook from a local one",
        "docs/clusters.md: needs a cluster",
        "docs/compress.md: takes a quarter of an hour",
        "docs/plugins.md: installs a package; a test of the template runs all three",
        "docs/recipes.md: the plugin is not installed",
        "docs/runs.md: there is no such storage",
        "docs/search.md: takes an hour",
        "docs/several-gpus.md: needs two machines",
        "docs/tutorial.md: installs packages",
    ]


# Commands


def words_of(command):
    """The arguments of a command line as it is run: without what is piped, and with words in capitals replaced."""
    command = re.sub(r"('[^']*')|\s+[|>].*|^\S+ \| ", lambda found: found[1] or "", command).replace(
        "/.../", f"/{RUN}/"
    )
    words = shlex.split(command)[1:]
    stands_for = STANDS_FOR | STANDS_FOR_IN.get(words[0], {})
    return [stands_for.get(word, word) for word in words]


def is_mention(words):
    """Whether a command is only named, and what it works on is not."""
    found = root.get_command(None, words[0])
    if words[0] == "new" and len(words) == 2:
        return True
    if len(words) > 1 or found is None:
        return found is None
    required = any(isinstance(param, click.Argument) and param.required for param in found.params)
    return required or isinstance(found, click.Group) or any(option.required for option in found.params)


def own_commands():
    found = {}
    for block in blocks():
        for command in block.commands:
            if re.match(r"(\S+ \| )?compressor ", command):
                found.setdefault(command, block.place)
    return [pytest.param(command, id=f"{place} {command}") for command, place in found.items()]


@pytest.mark.parametrize("command", own_commands())
def test_every_command_in_the_docs_is_one_that_the_tool_takes(command):
    group, words = root, words_of(command)
    if not is_mention(words):
        while isinstance(group, click.Group):
            assert words[0] in group.list_commands(None), f"there is no command '{words[0]}'"
            group = group.get_command(None, words.pop(0))
        group.make_parser(click.Context(group)).parse_args(words)
    else:
        assert words[0] in root.list_commands(None), f"there is no command '{words[0]}'"


def test_what_the_docs_have_make_and_python_do_is_there():
    makefile = (ROOT / "Makefile").read_text()
    for page in PAGES:
        text = page.read_text()
        for target in re.findall(r"(?:`|^)make ([a-z-]+)", text, re.MULTILINE):
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"{page_name(page)}: make {target}"
        for script in re.findall(r"`python (\S+\.py)", text):
            assert (ROOT / script).exists(), f"{page_name(page)}: python {script}"


# Python


def test_names_of_the_tool_are_those_that_there_are():
    for block in blocks():
        if block.kind == "python":
            compile(block.text, block.place, "exec")
            for name in re.findall(r"\bcompressor\.([A-Za-z_]\w*)", block.text):
                imported = re.search(rf"(from|import) compressor\.{name}", block.text)
                assert hasattr(compressor, name) or imported, f"{block.place}: {name}"


PLUGINS = [block for block in blocks() if block.kind == "python" and re.search("class |hookimpl", block.text)]


@pytest.mark.parametrize("block", each([block for block in PLUGINS if not block.long]))
def test_plugins_in_the_docs_meet_the_contracts(block, monkeypatch):
    monkeypatch.setattr("compressor.planning.registered._registered", {})
    plugin = ModuleType("docs")
    plugin.compressor = compressor
    monkeypatch.setitem(sys.modules, "docs", plugin)
    exec(block.text, vars(plugin))
    for _, contract in CONTRACTS.values():
        for cls in [value for value in vars(plugin).values() if isinstance(value, type)]:
            if issubclass(cls, contract):
                compressor.register(cls)
    if "hookimpl" in block.text:
        list(brought(plugin))


@pytest.mark.long
def test_the_plugins_of_the_page_on_plugins_run_together(tmp_path):
    page = ROOT / "docs" / "plugins.md"
    code = [block.text for block in blocks(page) if block.kind == "python"]
    wanted = [one for one in code if re.search("class (Regularize|Sines|Trim)", one) or "def run_failed" in one]
    assert len(wanted) == 4
    text = "import compressor\n" + "\n".join(wanted)
    text += "\n@compressor.hookimpl\ndef strategies():\n    return [Regularize]\n"
    (tmp_path / "mine.py").write_text(text.replace("@compressor.register\n", ""))
    recipe = {
        "version": 1,
        "plugins": [str(tmp_path / "mine.py")],
        "model": {"source": "small_net", "train": {"epochs": 2}},
        "data": {"source": "sines"},
        "steps": [{"uses": "prune"}, {"uses": "regularize"}, {"uses": "ptq"}],
    }
    report, _ = compressor.apply(recipe, output=tmp_path / "out")
    assert [stage.id for stage in report.stages] == ["baseline", "prune", "regularize", "ptq"]
    assert report.stages[2].sparsity > 0.7


# Recipes, whole and in parts, and jobs of CI


def completed(content):
    """A whole recipe that has in it what a block shows of one."""
    if isinstance(content, list):
        return {**BASE, "steps": content}
    if "teacher" in content:
        return {**BASE, "training": content}
    return {**BASE, **content}


def check_recipe(block, folder):
    """Plan the recipe that a block is, or is a part of."""
    content = yaml.safe_load(block.text) or {}
    whole = isinstance(content, dict) and ("version" in content or "extends" in content)
    shown = folder / "shown.yaml"
    shown.write_text(block.text if whole else json.dumps(completed(content)))
    try:
        (compressor.load if block.not_run else compressor.plan)(shown)
    except OpenRecipeError:
        planned_space(shown)
    finally:
        shown.unlink()


def is_of_ci(block):
    content = yaml.safe_load(block.text)
    return {"jobs", "repos", "recipes", "run"} & set(content[0] if isinstance(content, list) else content or {})


def is_profile(block):
    content = yaml.safe_load(block.text)
    return isinstance(content, dict) and "flash" in content


# Pages


@pytest.fixture(scope="module")
def desk(tmp_path_factory, smoke_run):
    """What pages take for granted: recipes, a plugin, a run and its files, and models that are only looked for."""
    folder = tmp_path_factory.mktemp("desk")
    write_recipes(folder)
    write_run(folder, smoke_run[1])
    for name in ("spirals.keras", "spirals.npz", "mine.keras", "my_model.keras", "unet.keras"):
        (folder / name).touch()
    for name in ("photos", "records"):
        (folder / name).mkdir()
    (folder / "records" / "a.tfrecord").touch()
    commit(folder)
    return folder


def write_recipes(folder):
    shutil.copytree(ROOT / "recipes", folder / "recipes", ignore=shutil.ignore_patterns("__pycache__"))
    for path in (folder / "recipes").glob("*.yaml"):
        shutil.copy(path, folder)  # a strategy's page shows the recipe that extends its neighbours
    for block in blocks(TUTORIAL):
        if block.file:
            (folder / block.file).write_text(block.text)
    own = json.dumps({**BASE, "steps": [{"uses": "ptq"}]})
    for name in ("mine.yaml", "recipes/mine.yaml"):
        (folder / name).write_text(own)
    (folder / "open.yaml").write_text(json.dumps({**BASE, "steps": [{"uses": "ptq", "search": "auto"}]}))
    (plugin,) = [block.text for block in blocks(ROOT / "README.md") if "class RoundWeights" in block.text]
    for name in ("mine.py", "my_plugin.py"):
        (folder / name).write_text(plugin)


def write_run(folder, run):
    from compressor.models.packing import pack

    for place in (f"mine/{RUN}", "small/2026-11-29T04-31-12-3f9c1d"):
        shutil.copytree(run, folder / "runs" / place)
    for name in ("model.tflite", "model_int8.tflite"):
        shutil.copy(run / "model.tflite", folder / name)
    shutil.copy(run / "stages" / "1-prune.h5", folder / "model.h5")
    (folder / "packed.tfpack").write_bytes(pack((run / "model.tflite").read_bytes()))
    (folder / "small.tfpack").write_bytes(pack((run / "model.tflite").read_bytes(), "gzip"))
    with as_file(files("compressor_plugins.datasets.data").joinpath("mnist.npz")) as path, np.load(path) as digits:
        for name in ("digits.npz", "data.npz"):
            np.savez(folder / name, **{array: digits[array][:300] for array in digits})


def commit(folder):
    """Make a folder a clone of a repository, in which nothing has changed since origin/main."""
    name = ["-c", "user.name=Somebody", "-c", "user.email=somebody@example.org"]
    for words in ("init -q", "add .", "commit -q -m All", "update-ref refs/remotes/origin/main HEAD"):
        subprocess.run(["git", *name, *words.split()], cwd=folder, check=True, timeout=60)


class Reader:
    """Does what a page says, block by block, in one folder."""

    def __init__(self, folder, capsys, monkeypatch):
        self.folder, self.capsys, self.monkeypatch = folder, capsys, monkeypatch
        self.module = ModuleType("docs")
        monkeypatch.setitem(sys.modules, "docs", self.module)

    def follow(self, page, *, slow):
        for block in blocks(page):
            try:
                self.do(block, slow)
            except (Exception, SystemExit) as error:
                error.add_note(f"{block.place}\n{block.text}")
                raise

    def do(self, block, slow):
        if block.file:
            (self.folder / block.file).write_text(block.text)
        if block.kind == "yaml" and is_profile(block):
            device_in(self.folder / block.file, shipped_files())
        elif block.kind == "yaml" and not is_of_ci(block):
            check_recipe(block, self.folder)
        elif block.kind == "toml":
            tomllib.loads(block.text)
        elif block.kind == "python" and not (block.not_run or block.file) and (slow or not block.long):
            exec(block.text, vars(self.module))
        elif not block.not_run:
            for command in block.commands:
                if slow or not (block.long or is_slow(command)):
                    self.run(command, block)

    def run(self, command, block):
        assert re.match(r"(\S+ \| )?compressor ", command), "only the tool is run: mark the block 'not run'"
        words = words_of(command)
        if is_mention(words):
            return
        if block.kind == "console":
            (self.folder / "my_recipe.yaml").write_text(MISSPELT)
        if words[0] in ("apply", "compress", "search") and "--smoke" not in words:
            words.append("--smoke")
        if "--output" in words:
            Path(words[words.index("--output") + 1]).unlink(missing_ok=True)
        if words[-1] == "-":
            self.monkeypatch.setattr("sys.stdin", (self.folder / "mine.yaml").open())
        self.capsys.readouterr()
        code = run_guarded(root, words)
        out, err = self.capsys.readouterr()
        if block.kind == "console":
            assert out + err == block.text.partition("\n")[2]
        else:
            assert code == 0, f"{command} ends with {code}\n{out}\n{err}"


@pytest.fixture
def reader(desk, tmp_path, capsys, monkeypatch):
    folder = tmp_path / "reader"
    shutil.copytree(desk, folder)
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setattr("compressor.planning.registered._registered", {})
    monkeypatch.setattr(compressor, "Session", partial(compressor.Session, smoke=True, progress=False))
    return Reader(folder, capsys, monkeypatch)


@pytest.mark.parametrize("page", each(PAGES, page_name))
def test_what_a_page_shows_works(page, reader):
    reader.follow(page, slow=False)


# What takes long: the tutorial as a user follows it, and then the pages that go on from its files


@pytest.fixture(scope="module")
def tutorial(tmp_path_factory):
    """The folder of somebody who followed the tutorial, and all that was printed."""
    folder = tmp_path_factory.mktemp("tutorial")
    binaries = Path(sys.executable).parent
    environment = {"PATH": f"{binaries}:/usr/bin:/bin", "HOME": str(folder), "COLUMNS": "80"}
    printed = ""
    for block in blocks(TUTORIAL):
        if block.file:
            (folder / block.file).write_text(block.text)
        if block.not_run or block.inline:
            continue
        command = {"sh": ["bash", "-ec"], "python": [sys.executable, "-c"]}.get(block.kind)
        if command and not block.file:
            both = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
            done = subprocess.run([*command, block.text], cwd=folder, env=environment, timeout=600, **both)
            assert done.returncode == 0, f"{block.place}\n{done.stdout}"
            printed += done.stdout
    return folder, printed


@pytest.mark.long
def test_the_tutorial_prints_what_it_shows(tutorial):
    folder, printed = tutorial
    (shown,) = [block.text for block in blocks(TUTORIAL) if block.kind == "text"]
    for part in shown.split(" ...\n"):
        assert without_figures(part) in without_figures(printed)
    assert (folder / "spirals.tflite").exists()


def without_figures(text):
    """A text without what differs between processors: figures, signs, and the spaces and lines around them."""
    lines = [re.sub(r"[-+±]?[\d.,]+", "#", line).split() for line in text.strip().split("\n") if "──" not in line]
    return "\n".join(" ".join(line) for line in lines)


@pytest.fixture
def reader_with_models(reader, tutorial):
    import tf_keras

    from compressor.models.keras3 import to_keras3

    folder, _ = tutorial
    for name in ("spirals.keras", "spirals.npz"):
        shutil.copy(folder / name, reader.folder)
    shutil.copytree(folder / "first", reader.folder / "first")
    (reader.folder / "runs" / RUN).mkdir()
    shutil.copy(folder / "smoke" / "lock.yaml", reader.folder / "runs" / RUN)
    model = tf_keras.models.load_model(reader.folder / "model.h5", compile=False)
    to_keras3(model, reader.folder / "model.keras")
    return reader


def takes_long(page):
    return any(block.long or any(map(is_slow, block.commands)) for block in blocks(page) if not block.not_run)


@pytest.mark.long
@pytest.mark.parametrize("page", each([page for page in PAGES if takes_long(page) and page != TUTORIAL], page_name))
def test_what_takes_long_on_a_page_works(page, reader_with_models):
    reader_with_models.follow(page, slow=True)
