"""What `validate` knows of a plugin file without running it."""

import pytest

from compressor.planning import planner
from compressor.planning.local_plugins import names_brought_by
from compressor.recipe.problems import RecipeError

CLASSES = """
import compressor

open("it ran", "w")


class Mine(compressor.Strategy):
    name = "mine"


class Yours(compressor.Strategy):
    name: str = "yours"
"""
HOOK = '''

@compressor.hookimpl
def strategies():
    """All of them."""
    return {}
'''
HEAD = """\
version: 1
plugins: [./mine.py]
model: {source: mnist_cnn, train: {epochs: 1}}
data: {source: mnist}
steps:
"""


@pytest.fixture
def found(tmp_path, monkeypatch):
    """What is found in a recipe with these steps beside a plugin file."""
    monkeypatch.chdir(tmp_path)

    def check(code, *steps):
        (tmp_path / "mine.py").write_text(code)
        (tmp_path / "recipe.yaml").write_text(HEAD + "".join(f"  - {{uses: {step}}}\n" for step in steps))
        try:
            problems = planner.check("recipe.yaml")
        except RecipeError as error:
            problems = error.problems
        assert not (tmp_path / "it ran").exists()
        return [(problem.severity, problem.message) for problem in problems]

    return check


def unchecked(name):
    message = (
        f"the strategy '{name}' comes from mine.py, which is not run here; "
        "its parameters and its place among the steps are checked by 'compressor plan'"
    )
    return ("not checked", message)


def test_its_own_names_are_known_and_said_to_be_unchecked(found):
    code = CLASSES + HOOK.format("[Mine, Yours]")
    assert found(code, "mine", "prune", "yours") == [unchecked("mine"), unchecked("yours")]


def test_a_misspelt_name_is_an_error(found):
    code = CLASSES + HOOK.format("[Mine, Yours]")
    assert found(code, "mine", "prun") == [
        unchecked("mine"),
        ("error", "unknown strategy 'prun'; did you mean 'prune'?"),
    ]


def test_parameters_of_installed_strategies_are_checked_on_both_sides_of_it(found):
    code = CLASSES + HOOK.format("[Mine]")
    typo = ("error", "unknown key 'final_sparsty'; did you mean 'final_sparsity'?")
    step = "prune, with: {final_sparsty: 2}"
    assert found(code, step, "mine", step) == [typo, unchecked("mine"), typo]


@pytest.mark.parametrize("steps", [("mine", "ptq", "qat"), ("ptq", "qat", "mine"), ("ptq", "prune", "mine", "qat")])
def test_an_order_that_is_impossible_whatever_it_does_is_an_error(found, steps):
    errors = [message for severity, message in found(CLASSES + HOOK.format("[Mine]"), *steps) if severity == "error"]
    late = "prune" if "prune" in steps else "qat"
    assert errors == [
        f"'ptq' leaves a LiteRT model, and '{late}' needs a Keras model; change their order, or remove one of the two"
    ]


def test_an_order_that_it_may_make_possible_is_not_refused(found):
    assert found(CLASSES + HOOK.format("[Mine]"), "ptq", "mine", "qat") == [unchecked("mine")]


@pytest.mark.parametrize("returned", ["[*CLASSES]", "[make()]", "[Other]", "list_of()"])
def test_a_file_that_may_bring_more_leaves_a_warning(found, returned):
    assert found(CLASSES + HOOK.format(returned), "prun", "other") == [
        (
            "warning",
            "no installed plugin brings the strategy 'prun', and whether mine.py does is not known; "
            "did you mean 'prune'?",
        ),
        (
            "warning",
            "no installed plugin brings the strategy 'other', and whether mine.py does is not known; "
            "'compressor plan' runs it and knows",
        ),
    ]


@pytest.mark.parametrize("code", [b"def (", b"\xff\xfe", b"(" * 5000, b""])
def test_a_file_that_cannot_be_read_may_bring_anything(tmp_path, code):
    (tmp_path / "mine.py").write_bytes(code)
    names = names_brought_by(tmp_path / "mine.py")
    assert (names.possible, names.open_files) == ((), ("mine.py",))


PRUNE = """
import compressor


class Mine(compressor.Strategy):
    name = "prune"

    def plan(self, state):
        return state

    def apply(self, model, context):
        return model


class Exact(compressor.Metric):
    name = "exact"

    def per_sample(self, batch):
        return batch.labels


@compressor.hookimpl
def strategies():
    return STRATEGIES


@compressor.hookimpl
def metrics():
    return [Exact]
"""
PLAIN, OPEN = PRUNE.replace("STRATEGIES", "[Mine]"), PRUNE.replace("STRATEGIES", "[*[Mine]]")


def messages_of_plan():
    try:
        planner.prepare("recipe.yaml")
    except RecipeError as error:
        return [problem.message for problem in error.problems]
    return []


@pytest.mark.parametrize("code", [PLAIN, OPEN])
def test_a_name_qualified_by_its_file_is_taken_by_validate_as_by_plan(found, code):
    assert found(code, "mine.py:prune") == [unchecked("prune")]
    assert messages_of_plan() == []


@pytest.mark.parametrize("code", [PLAIN, OPEN])
def test_a_metric_qualified_by_its_file_is_no_function_of_a_module(found, code, tmp_path):
    found(code, "compressor:prune")
    text = (tmp_path / "recipe.yaml").read_text()
    text += "evaluation: {metrics: [{uses: 'mine.py:exact', with: {a: 1}}]}\n"
    (tmp_path / "recipe.yaml").write_text(text)
    problems = [(problem.severity, problem.message) for problem in planner.check("recipe.yaml")]
    said = "the metric 'exact' comes from mine.py, which is not run here; its parameters are"
    assert problems == [("not checked", f"{said} checked by 'compressor plan'")]
    assert messages_of_plan() == ["unknown key 'a'; there is none to choose from"]


def test_a_clash_of_names_is_refused_by_validate_as_by_plan(found):
    (problem,) = found(PLAIN, "prune")
    assert problem == ("error", messages_of_plan()[0])
    assert problem[1].endswith("; write 'compressor:prune' or 'mine.py:prune'")
    assert found(PLAIN, "compressor:prune") == messages_of_plan() == []


def test_a_clash_that_only_running_the_file_can_show_is_said_to_be_unchecked(found):
    said = "whether mine.py, which is not run here, brings a strategy 'prune' as well is checked by 'compressor plan'"
    assert found(OPEN, "prune") == [("not checked", said)]
    assert found(OPEN, "compressor:prune") == []
    assert messages_of_plan() == []


@pytest.mark.parametrize("name", ["other.py:prune", "mine.py:prun"])
def test_a_qualified_name_that_no_file_brings_is_unknown_to_both(found, name):
    (problem,) = found(PLAIN, name)
    assert problem == ("error", messages_of_plan()[0])
    assert problem[1].startswith(f"unknown strategy '{name}'")
