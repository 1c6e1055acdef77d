"""The conformance kit: checks of strategies, metrics, data sets and models, for the tests of whoever writes a plugin.

from compressor.testing import check_strategy, parametrize_with_checks

def test_prune_conforms():
    check_strategy(Prune)

@parametrize_with_checks(Prune)  # or with a test for each check, by its name
def test_conforms(check):
    check()
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from compressor.testing.check_record import Check, Outcome
    from compressor.testing.conformance import (
        ConformanceError,
        all_checks,
        check_dataset,
        check_metric,
        check_model,
        check_strategy,
    )
    from compressor.testing.parametrized_tests import parametrize_with_checks

_HOMES = {
    "compressor.testing.check_record": ("Check", "Outcome"),
    "compressor.testing.conformance": (
        "ConformanceError", "all_checks", "check_dataset", "check_metric", "check_model", "check_strategy",
    ),
    "compressor.testing.parametrized_tests": ("parametrize_with_checks",),
}  # fmt: skip
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "check_strategy", "check_metric", "check_dataset", "check_model", "parametrize_with_checks",
    "all_checks", "Check", "Outcome", "ConformanceError",
]  # fmt: skip


if not TYPE_CHECKING:  # a type checker that saw it would take any name for one of ours

    def __getattr__(name: str) -> Any:
        if name in _HOME_OF:
            return getattr(import_module(_HOME_OF[name]), name)
        from compressor.base.deprecations import deprecated_name

        return deprecated_name(__name__, name)
