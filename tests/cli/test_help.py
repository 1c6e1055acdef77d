"""What `--help` says, and what a wrong command line is told."""

import inspect
import json
import os
import subprocess
import sys
from importlib.metadata import version

import pytest

from compressor.cli import root

COMMANDS = root.list_commands(None)
HELP = """\
Usage: compressor [OPTIONS] COMMAND [ARGS]...

  Compress Keras models by recipe, and know what each step cost.

  compressor apply prune_qat             run a recipe that ships with the tool
  compressor apply my_recipe.yaml        run one of your own
  compressor validate recipes/*.yaml     check recipes in CI

Options:
  --version   Show the version and exit.
  -h, --help  Show this message and exit.

Commands:
"""


def test_help_shows_the_main_jobs_and_every_command(run):
    code, out, err = run("--help")
    assert (code, err) == (0, "")
    assert out.startswith(HELP)
    assert [line.split()[0] for line in out.removeprefix(HELP).splitlines()] == COMMANDS
    assert run("-h") == (0, out, "")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_says_what_it_does_and_what_each_option_means(run, command):
    code, out, err = run(command, "--help")
    assert (code, err) == (0, "")
    assert out.startswith(f"Usage: compressor {command} [OPTIONS]")
    found = root.get_command(None, command)
    first_line = inspect.cleandoc(found.help).partition("\n")[0]
    assert first_line in " ".join(out.split())
    assert [option.name for option in found.params if option.param_type_name == "option" and not option.help] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_can_show_tracebacks(command):
    assert any("--debug" in option.opts for option in root.get_command(None, command).params)


def test_the_version_is_that_of_the_distribution(run):
    assert run("--version") == (0, f"compressor {version('compressor')}\n", "")


def test_a_misspelt_command_ends_with_2_and_the_one_that_was_meant(run):
    assert run("aply") == (
        2,
        "",
        "Usage: compressor [OPTIONS] COMMAND [ARGS]...\n"
        "Try 'compressor --help' for help.\n\n"
        "Error: there is no command 'aply'; did you mean 'apply'?\n",
    )


def test_an_unknown_command_ends_with_2_and_those_there_are(run):
    code, out, err = run("xyzzy")
    assert (code, out) == (2, "")
    assert err.endswith(f"\n\nError: there is no command 'xyzzy'; the commands are {', '.join(COMMANDS)}\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--quick",), "No such option '--quick'."),
        (("validate", "--githb", "x.yaml"), "No such option '--githb'. Did you mean '--github'?"),
        (("plan",), "Missing argument 'RECIPE'."),
        (("plan", "a.yaml", "b.yaml"), "Got unexpected extra argument (b.yaml)"),
        (("plan", "a.yaml", "--seed", "-1"), "Invalid value for '--seed': -1 is not in the range 0<=x<=2147483647."),
        (("plan", "a.yaml", "--set"), "Option '--set' requires an argument."),
    ],
)
def test_a_wrong_command_line_ends_with_2(run, arguments, message):
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert err.splitlines()[-1] == f"Error: {message}"


def test_without_a_command_the_help_is_shown_and_the_command_line_is_wrong(run):
    code, out, err = run()
    assert (code, out) == (2, "")
    assert err.startswith(HELP)


def test_the_schema_is_printed_as_json(run, registry):
    from compressor.planning.json_schema import recipe_schema

    code, out, err = run("schema")
    assert (code, err) == (0, "")
    assert json.loads(out) == json.loads(json.dumps(recipe_schema(registry)))


def test_the_shell_is_offered_commands_to_complete():
    environment = {"_COMPRESSOR_COMPLETE": "bash_complete", "COMP_WORDS": "compressor va", "COMP_CWORD": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "compressor"], env={**os.environ, **environment}, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "plain,validate\n", "")


@pytest.mark.parametrize("group", [(), ("cache",), ("new",)])
def test_a_group_without_a_command_shows_its_help_once_and_ends_with_2(run, group):
    _, out, _ = run(*group, "--help")
    assert run(*group) == (2, "", out)
