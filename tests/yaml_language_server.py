"""A client of yaml-language-server, which editors complete, explain and check recipes with: JSON-RPC over its pipes."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any


class LanguageServer:
    """A server that works on one recipe at a time."""

    def __init__(self, script: Path, folder: Path) -> None:
        self._process = subprocess.Popen(
            ["node", str(script), "--stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self._folder = folder
        self._count = 0
        self._version = 0
        capabilities = {"textDocument": {"hover": {"contentFormat": ["plaintext"]}, "completion": {}}}
        self.ask("initialize", processId=os.getpid(), rootUri=folder.as_uri(), capabilities=capabilities)
        self._notify("initialized")
        settings = {"yaml": {"validate": True, "hover": True, "completion": True, "schemaStore": {"enable": False}}}
        self._notify("workspace/didChangeConfiguration", settings=settings)

    def close(self) -> None:
        """End the server."""
        self._process.kill()
        self._process.communicate()

    def open(self, text: str) -> list[dict[str, Any]]:
        """Show the server a text as a recipe of the folder, and return what it marks as wrong."""
        self._version += 1
        self.uri = (self._folder / f"recipe{self._version}.yaml").as_uri()
        self._notify(
            "textDocument/didOpen", textDocument={"uri": self.uri, "languageId": "yaml", "version": 1, "text": text}
        )
        while True:
            message = self._read()
            if message.get("method") == "textDocument/publishDiagnostics" and message["params"]["uri"] == self.uri:
                return message["params"]["diagnostics"]

    def completions(self, line: int, character: int) -> list[str]:
        """What it offers at a place, counted from 0."""
        position = {"line": line, "character": character}
        found = self.ask("textDocument/completion", textDocument={"uri": self.uri}, position=position)
        return sorted({item["label"] for item in (found["items"] if isinstance(found, dict) else found)})

    def hover(self, line: int, character: int) -> str:
        """What it explains at a place, counted from 0, without the backslashes of its Markdown."""
        position = {"line": line, "character": character}
        found = self.ask("textDocument/hover", textDocument={"uri": self.uri}, position=position)
        contents = found["contents"] if found else ""
        return (contents["value"] if isinstance(contents, dict) else str(contents)).replace("\\", "")

    def ask(self, method: str, **params: Any) -> Any:
        """Send a request, and wait for its answer."""
        self._count += 1
        self._send({"id": self._count, "method": method, "params": params})
        while True:
            message = self._read()
            if message.get("id") == self._count and "method" not in message:
                assert "error" not in message, message["error"]
                return message["result"]

    def _notify(self, method: str, **params: Any) -> None:
        self._send({"method": method, "params": params})

    def _send(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self._process.stdin.flush()

    def _read(self) -> dict[str, Any]:
        """The next message; the server's own requests are answered with nothing."""
        length = 0
        while (line := self._process.stdout.readline()).strip():
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        message = json.loads(self._process.stdout.read(length))
        if "method" in message and "id" in message:
            wanted = len(message["params"].get("items", [])) if message["method"] == "workspace/configuration" else 0
            self._send({"id": message["id"], "result": [None] * wanted if wanted else None})
        return message
