"""Where the notice of how a run ended can go: an address on the web, or the desktop."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib import request
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit

from compressor.base.text import shortened

DESKTOP: Final = "desktop"
_TITLE = "COMPRESSOR_NOTICE_TITLE"  # environment variables, since PowerShell would read arguments as code
_TEXT = "COMPRESSOR_NOTICE_TEXT"
_BALLOON = (
    "Add-Type -AssemblyName System.Windows.Forms, System.Drawing; "
    "$n = New-Object System.Windows.Forms.NotifyIcon; $n.Icon = [System.Drawing.SystemIcons]::Information; "
    f"$n.Visible = $true; $n.ShowBalloonTip(5000, $env:{_TITLE}, $env:{_TEXT}, 'None'); Start-Sleep 2; $n.Dispose()"
)
_SCRIPT = "on run argv", "display notification (item 2 of argv) with title (item 1 of argv)", "end run"
_PROGRAMS: Final = {  # by name, with the arguments before title and text, which PowerShell has from the environment
    "notify-send": ["--app-name=compressor", "--"],
    "osascript": [word for line in _SCRIPT for word in ("-e", line)],
    "powershell": ["-NoProfile", "-NonInteractive", "-Command", _BALLOON],
}


def fault_of(target: str) -> str | None:
    """Why a target is none, in words that do not quote it, since addresses of web hooks are secrets; None if it is."""
    if target == DESKTOP:
        return None
    try:
        parts = urlsplit(target)
        known = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        known = False
    if not known or not (target.isascii() and target.isprintable()) or " " in target:
        return f"give an address that begins with https:// or http://, or '{DESKTOP}'"
    if "@" in parts.netloc:
        return "leave out the user name and the password, which are not sent"
    return None


def missing_program(target: str) -> str | None:
    """Why a notice cannot be shown on this desktop; None where it can, or goes elsewhere."""
    if target == DESKTOP and _program() is None:
        return f"there is none of {', '.join(_PROGRAMS)} on this machine"
    return None


def name_of(target: str) -> str:
    """What messages call a target; of an address the host alone."""
    return "the desktop" if target == DESKTOP else f"{urlsplit(target).scheme}://{urlsplit(target).netloc}"


def send_all(targets: Sequence[str], notice: Mapping[str, Any], seconds: float) -> dict[str, str]:
    """Send a notice to all targets at once, within some seconds in all.

    Args:
        targets: addresses, which get the notice by POST as JSON, or `DESKTOP`, which shows its `title` and `text`.
        notice: plain data.
        seconds: after which a target that has not answered counts as failed.

    Returns:
        Why it failed, by the targets for which it did.
    """
    failed: dict[str, str] = {}

    def send(target: str) -> None:
        reason = _send(target, notice, seconds)
        if reason is None:
            del failed[target]
        else:
            failed[target] = reason

    threads = []
    for target in dict.fromkeys(targets):
        failed[target] = f"it did not answer within {seconds:g} s"
        threads.append(threading.Thread(target=send, args=(target,), daemon=True))
        threads[-1].start()
    deadline = time.monotonic() + seconds
    for thread in threads:  # a look-up of a name has no time limit of its own
        thread.join(max(0.0, deadline - time.monotonic()))
    return dict(failed)


def _send(target: str, notice: Mapping[str, Any], seconds: float) -> str | None:
    try:
        if target == DESKTOP:
            return _shown(str(notice["title"]), str(notice["text"]), seconds)
        _post(target, json.dumps(notice, allow_nan=False).encode(), seconds)
    except HTTPError as error:
        moved = ", which leads elsewhere" if 300 <= error.code < 400 else ""
        return f"it answered {error.code}{moved}"
    except TimeoutError:
        return f"it did not answer within {seconds:g} s"
    except URLError as error:
        reason = error.reason
        if isinstance(reason, TimeoutError):
            return f"it did not answer within {seconds:g} s"
        return reason.strerror or type(reason).__name__ if isinstance(reason, OSError) else type(error).__name__
    except OSError as error:
        return error.strerror or type(error).__name__
    except (http.client.HTTPException, ValueError) as error:  # whose texts may hold the address
        return type(error).__name__
    return None


def _post(address: str, content: bytes, seconds: float) -> None:
    headers = {"Content-Type": "application/json", "User-Agent": "compressor"}
    opener = request.OpenerDirector()  # without the handlers of files, FTP and redirects
    handlers = (request.ProxyHandler, request.HTTPHandler, request.HTTPSHandler)
    for handler in (*handlers, request.HTTPErrorProcessor, request.HTTPDefaultErrorHandler):
        opener.add_handler(handler())
    asked = request.Request(address, content, headers, method="POST")
    answer = opener.open(asked, timeout=seconds)
    if answer is not None:
        answer.close()


def _shown(title: str, text: str, seconds: float) -> str | None:
    program = _program()
    if program is None:
        return missing_program(DESKTOP)
    command = [program[1], *_PROGRAMS[program[0]], *(() if program[0] == "powershell" else (title, text))]
    environment = {**os.environ, _TITLE: title, _TEXT: text}
    try:
        done = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        return f"{program[0]} did not end within {seconds:g} s"
    said = " ".join(done.stderr.decode("utf-8", "replace").split())
    return f"{program[0]} failed: {shortened(said, 200) or f'exit code {done.returncode}'}" if done.returncode else None


def _program() -> tuple[str, str] | None:
    """The program that shows notices, by its name and path."""
    return next(((name, path) for name in _PROGRAMS if (path := shutil.which(name))), None)
