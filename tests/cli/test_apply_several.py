"""`compressor apply` with several recipes on this machine."""

import json
from pathlib import Path

import pytest

from compressor.cli import root
from compressor.cli.boundary import run_guarded
from compressor.run.batch import worst

HEAD = "version: 1\nmodel: {source: mnist_cnn, train: {epochs: 1}}\ndata: {source: mnist}\n"
PTQ = HEAD + "steps: [{uses: ptq, with: {precision: float16}}]\n"
BAD = """\
import compressor


class Bad(compressor.Strategy):
    '''Fails.'''

    name = "bad"

    class Params(compressor.Params):
        pass

    def plan(self, state):
        return state.require(format="keras")

    def apply(self, model, context):
        raise compressor.StepError("it cannot be done", "do something else")


@compressor.hookimpl
def strategies():
    return [Bad]
"""


@pytest.fixture
def call(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    Path("all").mkdir()

    def call(*arguments):
        code = run_guarded(root, ["apply", *arguments])
        out, err = capfd.readouterr()
        return int(code), out, err

    return call


def test_all_recipes_run_one_that_fails_included_and_the_worst_gives_the_exit_code(call):
    Path("all/bad.py").write_text(BAD)
    Path("all/1-bad.yaml").write_text(HEAD + "plugins: [./bad.py]\nsteps: [{uses: bad}]\n")
    Path("all/2-small.yaml").write_text(PTQ + "constraints: {max_size: 1 kB}\n")
    Path("all/notes.yaml").write_text("- no recipe\n")
    code, out, err = call("all", "ptq", "--smoke", "-o", "out", "--json")
    assert code == 4
    told = json.loads(out)["recipes"]
    assert [(one["recipe"], one["exit_code"]) for one in told] == [("1-bad", 4), ("2-small", 0), ("ptq", 0)]
    assert "it cannot be done; do something else" in told[0]["error"] and told[0]["reports"] == []
    assert "error: 1-bad: " in err
    for name in ("2-small", "ptq"):
        report = json.loads(Path(f"out/{name}/report.json").read_text())
        assert report == next(one for one in told if one["recipe"] == name)["reports"][0]
    assert not list(Path("out").rglob(".running.lock"))


def test_nothing_runs_where_one_recipe_is_not_valid_and_all_problems_are_told(call):
    Path("all/1.yaml").write_text(PTQ)
    Path("all/2.yaml").write_text(PTQ.replace("precision", "precison"))
    Path("all/3.yaml").write_text(PTQ.replace("ptq", "prun"))
    code, _, err = call("all/*.yaml", "-o", "out")
    assert code == 1
    assert "all/2.yaml:4:" in err and "all/3.yaml:4:" in err
    assert not Path("out").exists()
    code, _, err = call("nothing/*.yaml")
    assert code == 1
    assert "no file matches this pattern" in err


@pytest.mark.long  # the same code writes the seeds of a cluster's runs
def test_recipes_of_one_name_get_folders_of_their_own_and_seeds_too(call):
    Path("all/a").mkdir()
    Path("all/b").mkdir()
    for folder in ("a", "b"):
        Path(f"all/{folder}/same.yaml").write_text(PTQ)
    code, out, err = call("all", "--smoke", "-o", "out", "--seeds", "2", "--quiet")
    assert code == 0, err
    assert sorted(path.parent.as_posix() for path in Path("out").rglob("report.json")) == [
        "out/same-2/seed-0", "out/same-2/seed-1", "out/same/seed-0", "out/same/seed-1",
    ]  # fmt: skip
    assert len(json.loads(Path("out/same/seeds.json").read_text())["reports"]) == 2
    assert "2 of 2" in out and "out/same-2/" in out


def test_the_worst_exit_code_is_that_of_the_gravest_fault():
    assert worst([0, 0]) == 0
    assert worst([0, 3, 0]) == 3
    assert worst([3, 1]) == 1
    assert worst([4, 1, 3]) == 4
    assert worst([4, 5]) == 5
