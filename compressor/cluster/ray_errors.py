"""Errors of connecting to a Ray cluster, in the words of this tool."""

from __future__ import annotations

import re
from importlib.metadata import version
from importlib.util import find_spec
from platform import python_version

from compressor.base.errors import CompressorError

_THEIRS = re.compile(r"Ray:\s*(?P<ray>[\w.+]+)\s+Python:\s*(?P<python>[\w.]+)")
_OF_CLIENT = re.compile(r"(?P<of>Python|Ray).*?server is (?:running )?(?P<theirs>[\w.]+)", re.DOTALL)


class ClusterError(CompressorError):
    """A cluster that cannot be reached, or whose machines cannot do what is asked."""


def refuse_without_ray() -> None:
    """Refuse if Ray is not installed, without importing it.

    Raises:
        ClusterError: it is not.
    """
    if find_spec("ray") is None:
        raise ClusterError("--on needs Ray, which is not installed", "pip install 'compressor[ray]'")


def refusal(error: Exception, where: str) -> ClusterError:
    """Explain why connecting to a cluster failed, in one message."""
    text = f"{error}\n{error.__cause__ or ''}"
    if "ersion mismatch" in text or "versions mismatch" in text:
        ours = f"Ray {version('ray')} and Python {python_version()}"
        known = _THEIRS.search(text)
        theirs = f"Ray {known['ray']} and Python {known['python']}" if known else " ".join(text.split())
        what = f"{where} has other versions than this machine: it runs {theirs}, and here are {ours}"
        return ClusterError(what, "install the same versions here and on all machines of the cluster")
    if "AuthToken" in text or "Unauthenticated" in text:
        what = f"{where} takes only clients that have its token"
        return ClusterError(what, "set RAY_AUTH_MODE=token, and the token as RAY_AUTH_TOKEN or in ~/.ray/auth_token")
    first = next((line.strip() for line in text.splitlines() if line.strip()), type(error).__name__)
    remedy = "check that it is running ('ray status' there), and that its port for clients is open"
    return ClusterError(f"{where} cannot be used: {first}", remedy)
