"""Takes out of a text what its owner may not want to hand on: passwords, tokens, keys, and the home folder's name."""

from __future__ import annotations

import os
import re

_HIDDEN = "***"
_WORDS = r"token|passw(?:or)?d|passphrase|secret|credential|(?:api|access|private)[_-]?key"
_SECRET_NAME = rf"[\w.-]{{0,40}}(?:{_WORDS})[\w.-]{{0,40}}"
_NAMES_SECRET = re.compile(rf"(?i)(?:.*_)?(?:(?:{_WORDS})s?|key|pat|pw|pwd|auth)(?:_.*)?")
_SHORTEST = 6  # characters of an environment variable's value that is looked for
_PATTERNS = (
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.S), _HIDDEN),
    (re.compile(r"(?P<kept>\b[a-zA-Z][\w+.-]*://)[^\s/?#'\"]*@"), rf"\g<kept>{_HIDDEN}@"),
    (re.compile(r"(?i)(?P<kept>\b(?:bearer|basic)\s+)[\w.~+/=-]{6,}"), rf"\g<kept>{_HIDDEN}"),
    (re.compile(rf"(?i)(?P<kept>--{_SECRET_NAME}[ \t]+['\"]?)[^\s'\"]+"), rf"\g<kept>{_HIDDEN}"),
    (
        re.compile(rf"(?i)(?P<kept>(?:{_SECRET_NAME}|\b(?:x-amz-)?sig(?:nature)?)['\"]?\s*[=:]\s*['\"]?)[^\s'\",;&]+"),
        rf"\g<kept>{_HIDDEN}",
    ),
    (re.compile(r"(?P<kept>--notify(?:=|[ \t]+)['\"]?)(?!desktop\b)[^\s'\"]+"), rf"\g<kept>{_HIDDEN}"),
    (re.compile(r"\b(?:AKIA|ASIA|AGPA|AIDA|AROA)[A-Z0-9]{16}\b"), _HIDDEN),
    (re.compile(r"\b(?:gh[pousr]_|github_pat_|glpat-|hf_|xox[abprs]-|sk-|pypi-|AIza)[\w-]{10,}"), _HIDDEN),
    (re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"), _HIDDEN),  # a JSON web token
)


def without_secrets(text: str) -> str:
    """A text with `***` for what looks like a secret, and `~` for the home folder.

    Hidden are passwords in URLs, the well-known forms of keys and tokens, what is given as a password, token or key,
    and the values of environment variables whose names say that they are one.
    """
    for value in _secret_values():
        text = text.replace(value, _HIDDEN)
    for pattern, kept in _PATTERNS:
        text = pattern.sub(kept, text)
    home = os.path.expanduser("~")  # noqa: PTH111  # Path.home() raises an error where there is none
    return re.sub(rf"{re.escape(home)}(?![\w.-])", "~", text) if home not in ("~", os.sep) else text


def names_secret(name: str) -> bool:
    """Whether an environment variable's name says that its value is a password, a token or a key."""
    return _NAMES_SECRET.fullmatch(name) is not None


def _secret_values() -> list[str]:
    """The values of secret environment variables, the longest first."""
    values = {value for name, value in os.environ.items() if len(value) >= _SHORTEST and names_secret(name)}
    return sorted(values, key=len, reverse=True)
