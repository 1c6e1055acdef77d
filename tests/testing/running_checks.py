"""Runs checks on a class, all or some, and tells which of them fail."""

from compressor.testing import all_checks
from compressor.testing.conformance import checks_for, outcome_of
from compressor.testing.subjects import subject_of

FIRST_THAT_RUNS = "works_on_conv_norm"  # of the checks of strategies; those before it need no TensorFlow


def outcomes(kind, cls, chosen=None, params=None):
    """What came of each check, or of the chosen ones, by name."""
    with subject_of(kind, cls, params or {}) as subject:
        checks = [check for check in checks_for(kind, cls, {}) if chosen is None or check.name in chosen]
        return {check.name: outcome_of(check, subject) for check in checks}


def failing(kind, cls, chosen=None, params=None):
    """The checks that fail, each with what they found."""
    found = outcomes(kind, cls, chosen, params)
    return {name: outcome.details for name, outcome in found.items() if outcome.status == "failed"}


def structural():
    """The checks of strategies that need no TensorFlow."""
    names = [check.name for check in all_checks("strategy")]
    return names[: names.index(FIRST_THAT_RUNS)]
