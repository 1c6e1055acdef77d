"""Every block of code and every command in the README and the docs is run, or at least read as the tool reads it."""

import re
import shlex
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import click
import pytest

import compressor
from compressor.cli import root
from compressor.planning.plugin_checks import CONTRACTS, brought
from compressor.recipe.document import parse
from compressor.recipe.problems import Source
from compressor.recipe.sections import Recipe, StepSection
from compressor.recipe.training_params import TrainingDefaults

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("docs/**/*.md"))]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def blocks(kind, *paths):
    """Blocks of a kind, each with the page and the line that it begins at."""
    found = []
    for path in paths or PAGES:
        text = path.read_text()
        for match in BLOCK.finditer(text):
            if match[1] == kind:
                found.append(pytest.param(match[2], id=f"{path.name}:{text[: match.start()].count(chr(10)) + 1}"))
    return found


def commands():
    """Every command line of the tool: lines of blocks, and what stands in backticks."""
    lines = {}
    for path in PAGES:
        text = path.read_text()
        outside = BLOCK.sub("", text)
        shown = [
            line.strip().removeprefix("$ ")
            for kind, block in BLOCK.findall(text)
            if not kind
            for line in block.split("\n")
        ]
        steps = re.findall(r"^- run: (compressor .*)$", text, re.MULTILINE)
        for line in [*shown, *steps, *re.findall(r"`(compressor [^`\n]*)`", outside)]:
            line = line.removeprefix("$ ")
            if re.match(r"compressor [a-z]", line):
                lines.setdefault(re.sub(r"\s+(#|\.\.\.|\||>).*", "", line), path.name)
    return [pytest.param(line, id=f"{page}: {line}") for line, page in lines.items()]


@pytest.mark.parametrize("line", commands())
def test_every_command_in_the_docs_is_one_that_the_tool_takes(line):
    command, (_, *words) = root, shlex.split(line)
    while isinstance(command, click.Group) and words:
        if words[0].rstrip(",") not in command.list_commands(None):
            assert re.match(r"compressor [a-z]+ (itself|is|needs)\b", line), f"there is no command '{words[0]}'"
            return
        command = command.get_command(None, words.pop(0).rstrip(","))
    command.make_parser(click.Context(command)).parse_args([word.rstrip(",") for word in words])


@pytest.mark.parametrize("code", blocks("python"))
def test_python_in_the_docs_uses_only_names_that_there_are(code):
    compile(code, "docs", "exec")
    for name in re.findall(r"\bcompressor\.([A-Za-z_]\w*)", code):
        assert hasattr(compressor, name) or re.search(rf"(from|import) compressor\.{name}", code), name


def namespace(tf_keras=None):
    import numpy as np

    session = SimpleNamespace(apply=lambda *given: None)
    return {"compressor": compressor, "np": np, "tf_keras": tf_keras, "session": session, "__name__": "docs"}


@pytest.mark.parametrize("code", [block for block in blocks("python") if re.search("class |hookimpl", block.values[0])])
def test_plugins_in_the_docs_meet_the_contracts(code, monkeypatch):
    monkeypatch.setattr("compressor.planning.registered._registered", {})
    stub = SimpleNamespace(callbacks=SimpleNamespace(Callback=object))
    plugin = ModuleType("docs")
    vars(plugin).update(namespace(stub))
    monkeypatch.setitem(sys.modules, "docs", plugin)
    exec(code, vars(plugin))
    classes = [value for value in vars(plugin).values() if isinstance(value, type)]
    for _, contract in CONTRACTS.values():
        for cls in classes:
            if issubclass(cls, contract):
                compressor.register(cls)
    if "hookimpl" in code:
        list(brought(plugin))


def parsed(text):
    return parse(text, Source("docs", tuple(text.splitlines()), Path.cwd())).plain()


def is_recipe(block):
    return "\nversion: 1\n" in f"\n{block.values[0]}" or "\nextends:" in f"\n{block.values[0]}"


@pytest.mark.parametrize("text", [block for block in blocks("yaml") if is_recipe(block)])
def test_recipes_in_the_docs_can_be_planned(text, tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT / "recipes")
    recipe = compressor.load(parsed(text))
    names_files = re.search(r"\./|\.npz|\.keras|\.tflite|\.csv|images/|source: my_|\w:\w", text)
    assert names_files or compressor.plan(recipe).steps is not None


@pytest.mark.parametrize("text", [block for block in blocks("yaml") if not is_recipe(block)])
def test_parts_of_recipes_in_the_docs_have_keys_that_there_are(text):
    if "run: compressor" in text or "repo" in text:  # of CI
        return
    known = {field.alias or name for part in (Recipe, TrainingDefaults) for name, field in part.model_fields.items()}
    steps = {field.alias or name for name, field in StepSection.model_fields.items()}
    content = parsed(text) or {}  # a comment alone is nothing
    if isinstance(content, list):
        assert {key for step in content for key in step} <= steps
    else:
        assert set(content) <= {*known, "extends"}


@pytest.mark.long
@pytest.mark.parametrize("code", [block for block in blocks("python") if "Session(" in block.values[0]])
def test_sessions_in_the_docs_run(code, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(re.sub(r"Session\(([^)]*)\)", r"Session(\1, smoke=True, progress=False)", code), {"__name__": "docs"})


@pytest.mark.long
def test_the_plugins_of_the_page_on_plugins_run_together(tmp_path):
    page = ROOT / "docs" / "plugins.md"
    code = [block.values[0] for block in blocks("python", page)]
    wanted = [one for one in code if re.search("class (Regularize|Sines|Trim)", one) or "def run_failed" in one]
    assert len(wanted) == 4
    text = "import compressor\nsession = type('S', (), {'apply': print})()\n" + "\n".join(wanted)
    text += "\n@compressor.hookimpl\ndef strategies():\n    return [Regularize]\n"
    (tmp_path / "mine.py").write_text(text.replace("@compressor.register\n", "").replace("session.apply", "print"))
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
