"""Says of any error of storage what is wrong, where, and what to do, without secrets."""

from __future__ import annotations

import socket

from compressor.base.errors import CompressorError
from compressor.base.secrets import without_secrets
from compressor.base.text import shortened

_LONGEST = 160  # characters of what a library says
_NO_CREDENTIALS = ("credential", "DefaultCredentialsError", "TokenRetrievalError", "SSOTokenLoadError")
_UNREACHED = ("EndpointConnectionError", "ConnectTimeoutError", "ClientConnectorError", "ClientConnectorDNSError")


class StorageError(CompressorError):
    """Storage that cannot be opened, read or written."""


def storage_error(error: BaseException, where: str, doing: str) -> StorageError:
    """The error to show.

    Args:
        error: what fsspec, or a library that it uses, raised.
        where: the address, as it may be shown.
        doing: what was not possible: `read` or `written`.
    """
    what, remedy = _explained(error)
    return StorageError(f"{where} cannot be {doing} ({what})", remedy)


def _explained(error: BaseException) -> tuple[str, str]:
    kinds = {kind.__name__ for each in _chain(error) for kind in type(each).__mro__}
    if "FSTimeoutError" in kinds or isinstance(error, TimeoutError):
        said = str(error) if isinstance(error, TimeoutError) and "within" in str(error) else "it did not answer in time"
        return said, "check the address and the network"
    if any(word.lower() in kind.lower() for kind in kinds for word in _NO_CREDENTIALS):
        return "no credentials for it were found", "set them up as its library has it, such as in AWS_PROFILE for S3"
    if isinstance(error, PermissionError):
        return f"access is denied: {_said(error)}", "check the credentials, and what they may do there"
    if isinstance(error, FileNotFoundError):
        return "there is no such bucket or folder", "check the address; buckets are not made"
    if kinds & set(_UNREACHED) or isinstance(error, socket.gaierror | ConnectionError):
        return "it cannot be reached", "check the address and the network"
    return f"{type(error).__name__}: {_said(error)}", "check the address, the network and the credentials"


def _chain(error: BaseException | None) -> list[BaseException]:
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        error = error.__cause__ or error.__context__
    return found


def _said(error: BaseException) -> str:
    return shortened(without_secrets(str(error)), _LONGEST) or "no reason is given"
