"""Where notices go: to real servers on this machine, and to programs that stand in for a desktop's."""

import json
import socket
import sys
import threading
import time

import pytest
from web_servers import server

from compressor.run.notice_targets import fault_of, missing_program, name_of, send_all

NOTICE = {"title": "compressor: mine done", "text": "compressor: mine done: 28% of the size", "bytes": 23336}


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def test_a_notice_is_posted_as_json():
    with server() as (address, got):
        assert send_all([f"{address}/hook?token=abc"], NOTICE, 5) == {}
    assert got == [("/hook?token=abc", "application/json", NOTICE)]


@pytest.mark.parametrize(
    ("status", "headers", "reason"),
    [
        (500, (), "it answered 500"),
        (404, (), "it answered 404"),
        (302, [("Location", "file:///etc/passwd")], "it answered 302, which leads elsewhere"),
    ],
)
def test_an_answer_that_is_none_of_success_is_a_failure_and_no_redirect_is_followed(status, headers, reason):
    with server(status, headers) as (address, got):
        assert send_all([address], NOTICE, 5) == {address: reason}
    assert len(got) == 1


def test_a_server_that_hangs_costs_the_time_limit_and_holds_up_no_other_target():
    with server(hang=threading.Event()) as (hanging, asked), server() as (address, got):
        began = time.monotonic()
        assert send_all([hanging, address], NOTICE, 0.5) == {hanging: "it did not answer within 0.5 s"}
        assert time.monotonic() - began < 1.5
    assert len(asked) == len(got) == 1


def test_a_server_that_takes_no_connection_is_told():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        address = f"http://127.0.0.1:{taken.getsockname()[1]}/hook"
        assert send_all([address], NOTICE, 5) == {address: "Connection refused"}


def test_a_server_that_speaks_no_http_is_told_without_its_words():
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()

        def answer():
            connection, _ = listening.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"\x1b[2Jnonsense\r\n\r\n")

        threading.Thread(target=answer, daemon=True).start()
        address = f"http://127.0.0.1:{listening.getsockname()[1]}/secret"
        assert send_all([address], NOTICE, 5) == {address: "BadStatusLine"}


@pytest.mark.parametrize(
    "target", ["desktop", "https://hooks.example.com/a/b", "http://localhost:8080", "http://[::1]:80/"]
)
def test_addresses_of_the_web_and_the_desktop_are_targets(target):
    assert fault_of(target) is None


WRONG = "give an address that begins with https:// or http://, or 'desktop'"


@pytest.mark.parametrize(
    ("target", "fault"),
    [
        ("ftp://example.com/secret", WRONG),
        ("file:///etc/passwd", WRONG),
        ("hooks.example.com/secret", WRONG),
        ("https://", WRONG),
        ("http://example.com:99999", WRONG),
        ("https://example.com/a b", WRONG),
        ("https://example.com/ä", WRONG),
        ("https://example.com/a\n", WRONG),
        ("http://[::1", WRONG),
        ("mail", WRONG),
        ("https://me:secret@example.com/", "leave out the user name and the password, which are not sent"),
    ],
)
def test_anything_else_is_none_and_is_not_quoted(target, fault):
    assert fault_of(target) == fault


def test_messages_name_the_host_of_an_address_alone():
    assert name_of("https://hooks.example.com:8443/services/T0/B0/secret?key=1") == "https://hooks.example.com:8443"
    assert name_of("desktop") == "the desktop"


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """A function that puts a program on the path, and nothing else: what it was called with is in `called`."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def put(name, ending="pass"):
        path = folder / name
        code = "import json, os, sys, time; "
        code += f"open({str(tmp_path / 'called')!r}, 'w').write(json.dumps([sys.argv[1:], dict(os.environ)])); {ending}"
        path.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "{code}" "$@"\n')
        path.chmod(0o755)
        return lambda: json.loads((tmp_path / "called").read_text())

    return put


def test_a_desktop_without_a_program_for_notices_is_told(programs):
    reason = "there is none of notify-send, osascript, powershell on this machine"
    assert missing_program("desktop") == reason
    assert send_all(["desktop"], NOTICE, 5) == {"desktop": reason}
    assert missing_program("https://example.com") is None


HOSTILE = '-u critical "; rm -rf / #$(id) `id` \\'


def test_notify_send_gets_texts_that_are_no_options(programs):
    called = programs("notify-send")
    assert missing_program("desktop") is None
    assert send_all(["desktop"], {"title": HOSTILE, "text": HOSTILE}, 5) == {}
    assert called()[0] == ["--app-name=compressor", "--", HOSTILE, HOSTILE]


def test_osascript_gets_texts_as_arguments_and_not_as_code(programs):
    called = programs("osascript")
    assert send_all(["desktop"], {"title": HOSTILE, "text": "b"}, 5) == {}
    script = ["on run argv", "display notification (item 2 of argv) with title (item 1 of argv)", "end run"]
    assert called()[0] == [*(word for line in script for word in ("-e", line)), HOSTILE, "b"]


def test_powershell_gets_texts_from_the_environment_and_not_as_code(programs):
    called = programs("powershell")
    assert send_all(["desktop"], {"title": HOSTILE, "text": "b"}, 5) == {}
    arguments, environment = called()
    assert arguments[:3] == ["-NoProfile", "-NonInteractive", "-Command"]
    assert len(arguments) == 4 and HOSTILE not in arguments[3]
    assert (environment["COMPRESSOR_NOTICE_TITLE"], environment["COMPRESSOR_NOTICE_TEXT"]) == (HOSTILE, "b")


def test_a_program_that_fails_or_hangs_is_told(programs):
    programs("notify-send", "sys.exit('cannot open display:')")
    assert send_all(["desktop"], NOTICE, 5) == {"desktop": "notify-send failed: cannot open display:"}
    programs("notify-send", "sys.exit(3)")
    assert send_all(["desktop"], NOTICE, 5) == {"desktop": "notify-send failed: exit code 3"}
    programs("notify-send", "time.sleep(30)")
    (reason,) = send_all(["desktop"], NOTICE, 0.5).values()
    assert reason in ("notify-send did not end within 0.5 s", "it did not answer within 0.5 s")
