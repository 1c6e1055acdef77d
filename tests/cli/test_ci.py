"""`compressor ci`: what it validates, plans and runs, and how it sums up."""

import subprocess

import pytest

from compressor.cli.commands import ci

GOOD = "version: 1\nmodel: {source: mnist_cnn, train: {epochs: 1}}\ndata: {source: mnist}\nsteps: [{uses: ptq}]\n"
HEAD = ["## Recipes", ""]
COLUMNS = ["", "| recipe | validate | plan | smoke | seconds |", "| --- | --- | --- | --- | --- |"]


@pytest.fixture
def started(monkeypatch):
    """The commands that were started; none of them is run, and each ends as `codes` says."""

    class Started(list):
        codes = {}

    commands = Started()

    def start(*arguments):
        commands.append(" ".join(word for word in arguments if not word.startswith("/")))
        return commands.codes.get((arguments[0], arguments[-1]), 0)

    monkeypatch.setattr(ci, "_compressor", start)
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    return commands


@pytest.fixture
def repository(tmp_path):
    def git(*arguments):
        own = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", *own, *arguments], cwd=tmp_path, check=True, capture_output=True)

    git("init", "-b", "main")
    (tmp_path / "base.yaml").write_text(GOOD)
    (tmp_path / "child.yaml").write_text("extends: base.yaml\n")
    (tmp_path / "other.yaml").write_text(GOOD)
    git("add", ".")
    git("commit", "-m", "first")
    return git


def test_all_recipes_of_the_folder_are_planned_and_run_on_a_few_samples(run, started, tmp_path):
    (tmp_path / "a.yaml").write_text(GOOD)
    (tmp_path / "b.yaml").write_text(GOOD)
    code, out, err = run("ci")
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        *HEAD,
        "2 checked, all well",
        *COLUMNS,
        "| `a.yaml` | ✓ | ✓ | ✓ | 0 |",
        "| `b.yaml` | ✓ | ✓ | ✓ | 0 |",
    ]
    each = ["plan -- {}", "apply --smoke --output -- {}"]
    assert started == [command.format(name) for name in ("a.yaml", "b.yaml") for command in each]


def test_recipes_that_a_change_concerns_are_run_and_others_are_only_validated(run, started, repository, tmp_path):
    (tmp_path / "base.yaml").write_text(GOOD.replace("epochs: 1", "epochs: 2"))
    (tmp_path / "new.yaml").write_text(GOOD)
    code, out, _ = run("ci", "--since", "main")
    assert code == 0
    assert out.splitlines()[6:] == [
        "| `base.yaml` | ✓ | ✓ | ✓ | 0 |",
        "| `child.yaml` | ✓ | ✓ | ✓ | 0 |",
        "| `new.yaml` | ✓ | ✓ | ✓ | 0 |",
        "| `other.yaml` | ✓ | unchanged | unchanged |  |",
        "",
        "Recipes that did not change since `main` are only validated.",
    ]


def test_data_of_a_pattern_and_code_of_a_module_concern_the_recipes_that_name_them(
    run, started, repository, tmp_path, monkeypatch
):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.csv").write_text("x,label\n1,0\n")
    (tmp_path / "own_losses.py").write_text("def own(labels, outputs):\n    return 0\n")
    (tmp_path / "pattern.yaml").write_text(GOOD.replace("source: mnist}", "source: './data/*.csv'}"))
    (tmp_path / "function.yaml").write_text(GOOD.replace("epochs: 1", "epochs: 1, loss: 'own_losses:own'"))
    repository("add", ".")
    repository("commit", "-m", "second")
    repository("checkout", "-b", "mine")
    names = ["function.yaml", "other.yaml", "pattern.yaml"]
    run("ci", "--since", "main", "--run", "none", *names)
    assert started == []
    (tmp_path / "data" / "a.csv").unlink()
    (tmp_path / "data" / "notes.txt").touch()
    (tmp_path / "own_losses.py").write_text("def own(labels, outputs):\n    return 1\n")
    run("ci", "--since", "main", "--run", "none", *names)
    assert started == ["plan -- function.yaml", "plan -- pattern.yaml"]


def test_a_change_on_the_other_branch_is_not_a_change_of_this_one(run, started, repository, tmp_path):
    repository("checkout", "-b", "mine")
    repository("checkout", "main")
    (tmp_path / "other.yaml").write_text(GOOD + "name: changed\n")
    repository("commit", "-am", "second")
    repository("checkout", "mine")
    run("ci", "--since", "main")
    assert started == []


def test_what_fails_is_named_and_ends_with_the_code_of_the_first(run, started, tmp_path):
    (tmp_path / "a.yaml").write_text(GOOD)
    (tmp_path / "b.yaml").write_text(GOOD)
    (tmp_path / "c.yaml").write_text(GOOD.replace("ptq", "ptqq"))
    started.codes = {("apply", "a.yaml"): 4, ("plan", "b.yaml"): 1}
    code, out, _ = run("ci")
    assert code == 4
    assert [line for line in out.splitlines() if line.startswith(("| `", "3"))] == [
        "3 checked, 3 failed",
        "| `a.yaml` | ✓ | ✓ | ✗ step failed | 0 |",
        "| `b.yaml` | ✓ | ✗ wrong input |  | 0 |",
        "| `c.yaml` | ✗ invalid |  |  |  |",
    ]


def test_a_missed_constraint_of_a_full_run_ends_with_3(run, started, tmp_path):
    (tmp_path / "a.yaml").write_text(GOOD)
    started.codes = {("apply", "a.yaml"): 3}
    code, out, _ = run("ci", "--run", "full", "a.yaml")
    assert (code, started) == (3, ["plan -- a.yaml", "apply -- a.yaml"])
    assert out.splitlines()[4:] == [
        "| recipe | validate | plan | run | seconds |",
        "| --- | --- | --- | --- | --- |",
        "| `a.yaml` | ✓ | ✓ | ✗ constraint missed | 0 |",
    ]


def test_the_summary_goes_to_github_and_problems_become_annotations(run, started, tmp_path, monkeypatch):
    (tmp_path / "c.yaml").write_text(GOOD.replace("ptq", "ptqq"))
    (tmp_path / "summary.md").write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert run("ci", "--run", "none", "c.yaml") == (
        1,
        "::error file=c.yaml,line=4,col=16::unknown strategy 'ptqq'; did you mean 'ptq'?\n",
        "",
    )
    assert (tmp_path / "summary.md").read_text() == (
        "before\n## Recipes\n\n1 checked, 1 failed\n\n"
        "| recipe | validate | plan | seconds |\n| --- | --- | --- | --- |\n| `c.yaml` | ✗ invalid |  |  |\n"
    )


def test_a_commit_that_git_does_not_know_is_told(run, started, repository):
    for ref in ("origin/main", "--output=x", ""):
        assert run("ci", "--since", ref) == (
            1,
            "",
            f"error: git knows no commit '{ref}' that this one goes back to; "
            "fetch it first; in GitHub Actions, 'actions/checkout' needs 'fetch-depth: 0'\n",
        )


def test_without_a_repository_since_means_nothing(run, started, monkeypatch, tmp_path):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    code, out, err = run("ci", "--since", "main")
    assert (code, out) == (1, "")
    assert err.startswith("error: git rev-parse failed: fatal: not a git repository")
    assert err.endswith("; run this in a git repository, or leave out --since\n")


def test_a_plan_in_a_process_of_its_own_tells_why_it_fails(run, tmp_path, monkeypatch):
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    (tmp_path / "a.yaml").write_text(GOOD.replace("source: mnist}", "source: ./gone.npz}"))
    code, out, err = run("ci", "a.yaml")
    assert code == 1
    assert out.splitlines()[-1].startswith("| `a.yaml` | ✓ | ✗ wrong input |  | ")
    assert err.startswith("compressor plan -- a.yaml\na.yaml:3:16: error: there is no file or folder './gone.npz'")
