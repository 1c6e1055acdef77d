"""Makes a test of pytest for each check."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, TypeVar

from compressor.testing.check_record import Check
from compressor.testing.conformance import checks_for, kind_of, outcome_of
from compressor.testing.subject import Subject
from compressor.testing.subjects import opened_subject

Test = TypeVar("Test", bound=Callable[..., Any])


def parametrize_with_checks(
    cls: type[Any],
    *,
    params: Mapping[str, Any] | None = None,
    expected_failures: Mapping[str, str] | None = None,
) -> Callable[[Test], Test]:
    """Parametrize a test of pytest with the checks for a strategy, metric, data set or model.

    The test has one argument, `check`, and calls it. A check that has nothing to check is skipped, and one that fails
    as expected is an expected failure.

    Args:
        cls: the class.
        params: its parameters, as under `with` in a recipe.
        expected_failures: by the name of a check, why the class fails it on purpose.

    Raises:
        ImportError: pytest is not installed.
        TypeError: the class is no plugin's.
        ValueError: there is no check of such a name.
    """
    try:
        import pytest
    except ImportError:
        raise ImportError("parametrize_with_checks needs pytest; pip install pytest") from None
    kind = kind_of(cls)
    expected = expected_failures or {}

    @cache
    def subject() -> Subject:  # made by the first test that runs, and shared by the others
        return opened_subject(kind, cls, params or {})

    def test_of(check: Check) -> Callable[[], None]:
        def run() -> None:
            __tracebackhide__ = True
            outcome = outcome_of(check, subject(), expected.get(check.name, ""))
            if outcome.is_fault:
                pytest.fail(str(outcome), pytrace=False)
            if outcome.status == "failed":
                pytest.xfail(outcome.expected)
            if outcome.status == "not run":
                pytest.skip(outcome.details[0])

        return run

    checks = checks_for(kind, cls, expected)
    decorate: Callable[[Test], Test] = pytest.mark.parametrize(
        "check", [pytest.param(test_of(check), id=check.name) for check in checks]
    )
    return decorate
