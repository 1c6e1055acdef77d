"""Completion in the shells that are installed here; bash always is."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from compressor.cli import root
from compressor.recipe import shipped

BIN = Path(sys.executable).parent
SHELLS = [shell for shell in ("bash", "zsh", "fish") if shell == "bash" or shutil.which(shell)]
RECIPE = (
    "version: 1\nmodel: {source: mnist_cnn, train: {epochs: 1}}\ndata: {source: mnist}\nsteps: [{id: s, uses: prune}]\n"
)
BASH = """
eval "$(compressor completion bash)"
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_compressor_completion compressor
printf "%s\n" "${COMPREPLY[@]}"
"""
FISH = "compressor completion fish | source; complete -C (string join ' ' $argv)"
ZSH = """
autoload -U compinit; compinit -u -D
eval "$(compressor completion zsh)"
print $_comps[compressor]
COMP_WORDS="$*" COMP_CWORD=$(($# - 1)) _COMPRESSOR_COMPLETE=zsh_complete compressor
"""


@pytest.fixture
def complete(tmp_path, monkeypatch):
    """The words that a shell is offered after these; the last may be the beginning of one."""
    monkeypatch.setenv("PATH", f"{BIN}{os.pathsep}{os.environ['PATH']}")
    (tmp_path / "mine.yaml").write_text(RECIPE)
    (tmp_path / "minor").mkdir()
    (tmp_path / "mind.txt").touch()

    def complete(shell, *words):
        command = {"bash": ["bash", "-c", BASH, "-"], "fish": ["fish", "-c", FISH], "zsh": ["zsh", "-fc", ZSH, "-"]}
        called = [*command[shell], "compressor", *words]
        done = subprocess.run(called, cwd=tmp_path, capture_output=True, text=True)
        assert done.stderr == ""
        lines = done.stdout.splitlines()
        if shell == "zsh":  # click answers with a kind, a word and a help text, each on a line
            assert lines.pop(0) == "_compressor_completion"
            lines = lines[1::3]
        return sorted(line.partition("\t")[0] for line in lines if line)

    return complete


@pytest.mark.parametrize("shell", SHELLS)
def test_commands_and_recipes_are_completed(complete, shell):
    assert complete(shell, "va") == ["validate"]
    assert complete(shell, "apply", "prune") == [name for name in shipped.names() if name.startswith("prune")]


def test_files_and_folders_are_completed_where_a_recipe_may_stand(complete):
    assert complete("bash", "validate", "min") == ["mine.yaml", "minor/"]
    assert complete("bash", "validate", "mine.yaml", "./min") == ["./mine.yaml", "./minor/"]


def test_strategies_and_formats_are_completed(complete):
    assert complete("bash", "strategies", "pru") == ["prune", "prune_channels"]
    assert complete("bash", "validate", "--format", "g") == ["github", "gitlab"]


def test_the_paths_of_set_are_completed_by_the_steps_of_the_recipe(complete):
    assert complete("bash", "apply", "mine.yaml", "--set", "steps.") == ["steps.s."]
    assert complete("bash", "apply", "mine.yaml", "--set", "steps.s.with.final") == ["steps.s.with.final_sparsity="]
    assert complete("bash", "plan", "mine.yaml", "--set", "training.early_stopping.") == [
        "training.early_stopping.min_delta=",
        "training.early_stopping.patience=",
    ]


def test_set_knows_the_stages_that_may_have_constraints(complete):
    assert complete("bash", "plan", "mine.yaml", "--set", "constraints.stages.") == [
        "constraints.stages.baseline.",
        "constraints.stages.s.",
    ]
    assert complete("bash", "plan", "mine.yaml", "--set", "constraints.stages.s.max_m") == [
        "constraints.stages.s.max_macs="
    ]


def test_without_a_recipe_set_knows_the_sections(complete):
    assert complete("bash", "apply", "--set", "mod") == ["model."]
    assert complete("bash", "apply", "--set", "model.train.epo") == ["model.train.epochs="]


def test_a_broken_recipe_offers_nothing_and_says_nothing(complete, tmp_path):
    (tmp_path / "mine.yaml").write_text("{")
    assert complete("bash", "apply", "mine.yaml", "--set", "steps.") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_is_click_s_own(run, shell):
    from click.shell_completion import get_completion_class

    source = get_completion_class(shell)(root, {}, "compressor", "_COMPRESSOR_COMPLETE").source()
    code, out, err = run("completion", shell)
    assert (code, err) == (0, "")
    added = "    [[ ${COMPREPLY[0]} == *[./=] ]] && compopt -o nospace 2> /dev/null\n"
    assert (added in out) == (shell == "bash")
    assert out.replace(added, "\n").split() == source.split()
