"""`compressor strategies`: what is installed, from where, and with which parameters."""

import json
from importlib.metadata import version

from fake_distributions import SHAVE
from pydantic import Field

from compressor.base.params import Params
from compressor.base.text import listing
from compressor.cli.commands.strategies import parameters

VERSION = version("compressor")


def rows(out):
    """The lines of the first table, each as its words."""
    lines = out.splitlines()
    return [line.split() for line in lines if line.strip() and not line.startswith("─")]


def test_strategies_are_listed_with_what_they_do_and_where_they_come_from(run, registry):
    code, out, err = run("strategies")
    assert (code, err) == (0, "")
    lines = [line.rstrip() for line in out.splitlines()]
    assert lines[0].split() == ["strategy", "what", "it", "does", "from"]
    starts = {line.split()[0]: line for line in lines[2:] if line and not line.startswith(" ")}
    assert [name for name in registry.names("strategy") if not starts[name].endswith(f"compressor {VERSION}")] == []
    assert lines[-4:] == [
        f"models: {', '.join(registry.names('model'))}",
        f"data sets: {', '.join(registry.names('data set'))}",
        f"metrics: {', '.join(registry.names('metric'))}",
        "trackers: mlflow, tensorboard, wandb",
    ]


def test_a_stranger_s_strategy_is_listed_with_its_distribution(run, install):
    install("acme", SHAVE, "2.1")
    _, out, _ = run("strategies")
    assert ["shave", "Shave", "a", "little", "off.", "And", "no", "more.", "acme", "2.1"] in rows(out)


def test_a_broken_plugin_is_listed_with_the_reason_and_the_others_with_it(run, install):
    install("acme", "import no_such_module")
    code, out, err = run("strategies")
    assert (code, err) == (0, "")
    assert (
        "broken: acme (acme 1.0): ModuleNotFoundError: No module named 'no_such_module'; fix the plugin, or remove it\n"
    ) in out
    assert any(row[0] == "prune" for row in rows(out))


def test_json_tells_of_broken_plugins_beside_the_listing(run, install, registry):
    install("acme", "import no_such_module")
    code, out, err = run("strategies", "--json")
    assert (code, err) == (
        0,
        "broken: acme (acme 1.0): ModuleNotFoundError: No module named 'no_such_module'; "
        "fix the plugin, or remove it\n",
    )
    assert [one["name"] for one in json.loads(out)] == registry.names("strategy")


def test_two_plugins_with_one_name_are_pointed_out(run, install):
    install("acme-one", SHAVE)
    install("acme-two", SHAVE)
    code, out, _ = run("strategies")
    assert code == 0
    clash = "several plugins bring a strategy named 'shave': acme-one 1.0 and acme-two 1.0; write 'acme-one:shave' or"
    assert f"clash: {clash}" in " ".join(out.split())
    assert [row[-2:] for row in rows(out) if row[0] == "shave"] == [["acme-one", "1.0"], ["acme-two", "1.0"]]
    assert run("strategies", "shave") == (
        1,
        "",
        f"error: {clash} 'acme-two:shave'\n",
    )
    assert run("strategies", "acme-two:shave")[1].startswith("shave from acme-two 1.0\n")


def test_json_lists_every_strategy_with_the_schema_of_its_parameters(run, registry):
    code, out, err = run("strategies", "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert [one["name"] for one in found] == registry.names("strategy")
    prune = next(one for one in found if one["name"] == "prune")
    assert (prune["distribution"], prune["version"]) == ("compressor", VERSION)
    assert prune["summary"] == "Set the weights of smallest magnitude to zero, gradually during training."
    assert prune["parameters"]["properties"]["final_sparsity"]["exclusiveMaximum"] == 1


def test_one_strategy_is_shown_with_its_paper_and_its_parameters(run):
    code, out, err = run("strategies", "prune")
    assert (code, err) == (0, "")
    lines = [line.rstrip() for line in out.splitlines()]
    assert lines[:3] == [
        f"prune from compressor {VERSION}",
        "",
        "Set the weights of smallest magnitude to zero, gradually during training.",
    ]
    assert "(arXiv 1710.01878): sparsity(t) = final + (initial - final) * (1 - t / ramp) ** power." in lines
    assert ["parameter", "type", "default", "meaning"] in rows(out)
    (row,) = [row for row in rows(out) if row[0] == "final_sparsity"]
    assert row[:7] == ["final_sparsity", "number", ">", "0,", "<", "1", "0.8"]


def test_a_long_default_is_shown_whole(run, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    _, out, _ = run("strategies", "prune")
    assert "…" not in out


def test_one_strategy_as_json(run):
    code, out, _ = run("strategies", "ptq", "--json")
    assert code == 0
    found = json.loads(out)
    assert found["name"] == "ptq"
    assert found["parameters"]["properties"]["precision"]["enum"] == [
        "int8", "int16x8", "dynamic", "float16", "int4", "int2",
    ]  # fmt: skip


def test_a_misspelt_strategy_is_an_error_with_the_one_that_was_meant(run):
    assert run("strategies", "prun") == (1, "", "error: unknown strategy 'prun'; did you mean 'prune'?\n")


def test_a_strategy_that_a_broken_plugin_may_bring_is_an_error_that_says_so(run, install, registry):
    install("acme", "raise SystemExit(1)")
    assert run("strategies", "shave") == (
        1,
        "",
        "error: unknown strategy 'shave'; it may be in a broken plugin, acme (acme 1.0): SystemExit: 1; "
        f"known: {listing(registry.names('strategy'))}\n",
    )


def test_types_of_parameters_are_told_in_words():
    class Inner(Params):
        depth: int = 1

    class Given(Params):
        size: int
        share: float = Field(0.5, gt=0, le=1, description="of all")
        names: list[str] = []
        shape: tuple[int, int] = (1, 2)
        inner: Inner | None = None
        free: dict = {}

    assert [tuple(row.values()) for row in parameters(Given)] == [
        ("size", "integer", "required", ""),
        ("share", "number > 0, <= 1", "0.5", "of all"),
        ("names", "list of string", "[]", ""),
        ("shape", "list", "[1, 2]", ""),
        ("inner", "{depth} or null", "null", ""),
        ("free", "object", "{}", ""),
    ]
