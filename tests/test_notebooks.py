"""Plans, reports, sessions and files are shown by IPython as a notebook shows them, and are short as text."""

import json
import os
import subprocess
import sys

import pytest
from made_reports import HOSTILE, hostile_report, made_report
from mixed_litert_file import with_an_island
from page_elements import Page

import compressor
from compressor import Session
from compressor.base.notebook import snippet

CELLS = [
    "import compressor",
    "compressor.plan('prune_qat')",
    "compressor.inspect('model.tflite')",
    "session = compressor.Session('mnist_cnn', 'mnist', progress=False)\nsession",
]
KERNEL = """
import json, sys
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

config = Config()
config.HistoryManager.enabled = False
shell, outputs = InteractiveShell.instance(config=config), []
for cell in json.load(open("notebook.ipynb"))["cells"]:
    outcome = shell.run_cell("".join(cell["source"]))
    outcome.raise_error()
    outputs.append(shell.display_formatter.format(outcome.result)[0])
json.dump(outputs, open("outputs.json", "w"))
"""


@pytest.fixture
def shown():
    """A function that gives what IPython shows of an object, by its kind of text."""
    from IPython.core.formatters import DisplayFormatter

    formatter = DisplayFormatter()
    return lambda value: formatter.format(value)[0]


def outputs_of(cells, folder):
    """What the cells of a notebook show, run as a kernel runs them, by the kind of text."""
    (folder / "notebook.ipynb").write_text(
        json.dumps(
            {
                "nbformat": 4,
                "nbformat_minor": 5,
                "metadata": {},
                "cells": [{"cell_type": "code", "id": str(place), "metadata": {}, "source": [source], "outputs": [],
                           "execution_count": None} for place, source in enumerate(cells)],
            }
        )
    )  # fmt: skip
    environment = os.environ | {"IPYTHONDIR": str(folder / "ipython")}
    done = subprocess.run(
        [sys.executable, "-c", KERNEL], cwd=folder, env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads((folder / "outputs.json").read_text())


def texts(markup):
    page = Page(markup)
    assert page.open == []
    return [text for found in page.texts.values() for text in found]


def test_the_cells_of_a_notebook_show_a_plan_a_file_and_a_session(tmp_path):
    (tmp_path / "model.tflite").write_bytes(with_an_island())
    _, plan, contents, session = outputs_of(CELLS, tmp_path)
    assert plan["text/plain"] == (
        "<plan of prune_qat: baseline -> prune -> qat -> ptq; mnist_cnn on mnist · accuracy · seed 0>"
    )
    told = texts(plan["text/html"])
    for part in ("prune", "keras, sparse", "max_size ", "final_sparsity=0.82"):
        assert any(part in text for text in told), part
    assert contents["text/plain"] == (
        "<contents of model.tflite: 2.5 kB, 472 parameters, 8 operators; 3 of 8 operators compute in float, "
        "in 2 islands, 1 of them between operators in integers>"
    )
    assert "ROUND, CEIL, between operators in integers: fed by CONV_2D 'conv', taken by FULLY_CONNECTED 'logits'" in (
        texts(contents["text/html"])
    )
    assert session["text/plain"] == "<session with mnist_cnn on mnist: nothing has run yet>"
    assert "Nothing has run yet: call train() or apply()." in texts(session["text/html"])


def test_a_report_shows_its_outcome_its_stages_its_limits_and_its_notes(shown):
    report = made_report()
    data = shown(report)
    assert data["text/plain"] == (
        "<report of made: baseline -> prune -> ptq; 28% of the size, 9% zipped, for -0.37 pt of accuracy, "
        "2 of 3 limits met>"
    )
    told = texts(data["text/html"])
    for part in ("28% of the size, 9% zipped, for -0.37 pt of accuracy", "97.87 % ±0.26", ": 2 of 12 epochs"):
        assert part in told, part
    assert any(text.startswith("✗ ") for text in told)
    assert repr(report.stages[2]) == "<stage 'ptq': 23.3 kB, 7.3 kB gzipped, accuracy 97.87 % ±0.26>"
    assert "<a " not in data["text/html"]


def test_a_report_links_to_its_page_where_there_is_one(shown, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "runs" / "mine: a#b"
    folder.mkdir(parents=True)
    report = made_report().in_folder(folder)
    assert "<a " not in shown(report)["text/html"]
    (folder / "report.html").write_text("<!doctype html>")
    (link,) = Page(shown(report)["text/html"]).all("a")
    assert link["href"] == "runs/mine%3A%20a%23b/report.html"
    assert report == report.in_folder(tmp_path)
    assert report != report.model_copy(update={"seed": 1})


def test_a_smoke_run_and_doubtful_figures_are_told_in_place_of_the_outcome(shown):
    smoke = texts(shown(made_report(smoke=True))["text/html"])
    assert "Smoke run: a few samples and steps, so the figures mean nothing." in smoke
    assert "<report of made: smoke run, baseline -> " in shown(made_report(smoke=True))["text/plain"]


def test_hostile_names_are_text(shown):
    markup = shown(hostile_report())["text/html"]
    page = Page(markup)
    assert page.open == []
    assert (page.all("script"), page.all("img")) == ([], [])
    assert "\u202e" not in markup + repr(hostile_report()) + repr(hostile_report().stages[0])
    assert HOSTILE.replace("\u202e", "\\u202e") + " " in page.texts["p"]
    recipe = {"version": 1, "name": "x", "description": HOSTILE.replace("\u202e", ""), "data": {"source": "mnist"},
              "model": {"source": "mnist_cnn", "train": {}}, "steps": [{"uses": "ptq"}]}  # fmt: skip
    assert Page(shown(compressor.plan(recipe))["text/html"]).all("img") == []


def test_a_session_with_objects_names_none_of_them():
    with Session(object(), {"x": 1}, progress=False) as session:
        assert repr(session) == "<session with a model on data of your own: nothing has run yet>"


def test_the_styles_of_a_snippet_concern_nothing_but_it():
    (style,) = Page(snippet("text")).texts["style"]
    rules = [line.partition("{")[0] for line in style.splitlines() if "{" in line and not line.startswith("@media")]
    assert rules
    assert all(".compressor-view" in selector for rule in rules for selector in rule.split(","))
    assert "url(" not in style and "@import" not in style
