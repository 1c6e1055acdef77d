"""What the conformance kit tells: all failures at once, expected ones apart, and a test of pytest for each check."""

import re
import subprocess
import sys
from pathlib import Path

import bad_strategies
import pytest

import compressor.testing
from compressor.testing import (
    ConformanceError,
    all_checks,
    check_dataset,
    check_metric,
    check_model,
    check_strategy,
    kit_models,
    parametrize_with_checks,
)
from compressor.testing.conformance import checks_for

FILE = '''
import compressor
from compressor.testing import parametrize_with_checks


class Difference(compressor.Metric):
    """Mean difference."""

    name = "difference"

    def per_sample(self, batch):
        count = len(batch.labels)
        return abs(batch.outputs.reshape(count, -1)[:, 0] - batch.labels.reshape(count, -1)[:, 0])


@parametrize_with_checks(Difference, expected_failures={{{expected}}})
def test_conforms(check):
    check()
'''


def test_all_failures_are_told_at_once_with_reason_and_remedy():
    class Bare(bad_strategies.Good):
        class Params(compressor.Params):
            share: float = 0.5

    with pytest.raises(ConformanceError) as error:
        check_strategy(Bare, expected_failures={"plans_some_model": "for a look at the message"}, params={"shared": 1})
    text = str(error.value)
    assert isinstance(error.value, AssertionError)
    assert text.startswith(
        f"the strategy 'good' fails 3 of {len(error.value.outcomes)} checks of compressor.testing:\n\n"
        "has_a_description: The class has a docstring of its own\n"
        "  - the class Bare has no docstring\n"
        "  why: its first paragraph is the description of the class in lists, in editors and in reports\n"
        "  remedy: write a docstring for the class, which says in one sentence what it does\n\n"
        "defaults_are_valid: "
    )
    assert "  - unknown key 'shared'; did you mean 'share'?\n" in text
    assert "  - the parameter 'share' has no description\n" in text
    assert "\n\nnot run:\n  - " in text
    assert re.search(r"\n  - .*plan_is_pure.*: no instance can be made of it \(unknown key 'shared'", text)


def test_a_check_that_is_expected_to_fail_and_passes_is_told():
    with pytest.raises(ConformanceError) as error:
        check_metric(first_party_accuracy(), expected_failures={"has_a_description": "names are enough"})
    assert str(error.value).partition("\n\n")[2] == (
        "has_a_description: it passes, and was expected to fail (names are enough)\n"
        "  remedy: remove it from 'expected_failures'"
    )


def test_a_check_that_fails_as_expected_is_no_failure():
    class Other(first_party_accuracy()):
        pass

    outcomes = check_metric(Other, expected_failures={"has_a_description": "it is that of its base class"})
    (expected,) = [outcome for outcome in outcomes if outcome.expected]
    assert (expected.status, expected.details, expected.is_fault) == (
        "failed",
        ("the class Other has no docstring",),
        False,
    )


@pytest.mark.parametrize(
    ("expected", "message"),
    [
        ({"keep_zeros": "why"}, "no check 'keep_zeros' is run on this strategy; did you mean 'keeps_zeros'?"),
        ({"keeps_zeros": " "}, "'expected_failures' gives no reason for 'keeps_zeros' to fail"),
    ],
)
def test_a_wrong_expectation_is_refused(expected, message):
    with pytest.raises(ValueError) as error:
        check_strategy(bad_strategies.Good, expected_failures=expected)
    assert str(error.value) == message


def test_what_is_no_plugin_cannot_be_parametrized():
    with pytest.raises(TypeError) as error:
        parametrize_with_checks(int)
    assert str(error.value) == "<class 'int'> is no subclass of one of Strategy, Dataset, ModelSource, Metric"


@pytest.mark.parametrize("check", [check_strategy, check_metric, check_dataset, check_model])
def test_what_is_no_plugin_fails_its_contract_and_nothing_else_is_run(check):
    with pytest.raises(ConformanceError) as error:
        check(int)
    assert {outcome.status for outcome in error.value.outcomes} == {"failed", "not run"}
    assert "meets_the_contract: " in str(error.value)
    assert "<class 'int'> is not a subclass of " in str(error.value)


def test_only_strategies_that_train_are_checked_for_how_they_train():
    names = [check.name for check in checks_for("strategy", bad_strategies.Good, None)]
    training = [check.name for check in checks_for("strategy", bad_strategies.GoodTraining, None)]
    assert [name for name in training if name not in names] == [
        "frozen_layers_stay",
        "callbacks_have_a_state",
        "goes_on_after_a_kill",
    ]


def test_every_check_has_a_name_of_its_own_a_reason_and_a_remedy():
    checks = all_checks()
    assert len({check.name for check in checks}) == len(checks) >= 60
    for check in checks:
        assert check.what and check.reason and check.remedy and check.kinds
        assert not re.search(r"\.$", check.what + check.reason) and not check.remedy.endswith("."), check.name


def test_pytest_has_a_test_for_each_check_by_its_name(tmp_path):
    done = pytest_on(tmp_path, expected='"better_outputs_score_better": "it is an error", "has_a_description": "no"')
    assert "test_difference.py::test_conforms[meets_the_contract] PASSED" in done
    assert "test_difference.py::test_conforms[better_outputs_score_better] XFAIL" in done
    assert "test_difference.py::test_conforms[better_outputs_score_better] - it is an error" in done
    assert "test_difference.py::test_conforms[has_a_description] FAILED" in done
    assert "has_a_description: it passes, and was expected to fail (no)" in done
    assert "Traceback" not in done


def test_without_pytest_the_decorator_says_what_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "pytest", None)
    with pytest.raises(ImportError) as error:
        parametrize_with_checks(bad_strategies.Good)
    assert str(error.value) == "parametrize_with_checks needs pytest; pip install pytest"


def test_importing_the_kit_imports_neither_pytest_nor_tensorflow():
    code = "import compressor.testing, sys; compressor.testing.check_strategy\n"
    code += "print({'pytest', 'tensorflow', 'tf_keras'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout == "set()\n", done.stderr


def test_every_model_of_the_kit_is_described():
    assert set(kit_models.TITLES) == {*kit_models.TRIED, *kit_models.ODD}


def first_party_accuracy():
    from compressor_plugins.metrics.classification import Accuracy

    return Accuracy


def pytest_on(folder: Path, expected: str) -> str:
    (folder / "test_difference.py").write_text(FILE.format(expected=expected))
    command = [sys.executable, "-m", "pytest", "-v", "-rx", "-p", "no:cacheprovider", "test_difference.py"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    return done.stdout
