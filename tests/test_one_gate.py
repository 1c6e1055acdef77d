"""Text leaves the tool by the gate alone: nothing else in the core prints, writes to standard streams, or uses rich."""

import ast
from pathlib import Path

import compressor

ROOT = Path(compressor.__file__).parent
GATE = {"base/standard_output.py", "report/screen.py", "report/screen_table.py"}
# their parent reads what they print
CHILDREN = {"measure/latency_process.py", "models/files/file_probe.py", "models/litert/running/trial_process.py"}
TYPES = {"RenderableType", "Progress", "TaskID"}  # of rich, which only name what the gate returns
FLUSHED = {"flush", "encoding"}  # what others may do with a standard stream


def offences(path):
    """Each way around the gate in a module, as `line: what`."""
    tree = ast.parse(path.read_text())
    allowed = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr in FLUSHED and isinstance(node.value, ast.Attribute)
    }
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id="print")):
                yield f"{node.lineno}: print"
            case ast.Attribute(value=ast.Name(id="click"), attr="echo" | "secho" | "echo_via_pager"):
                yield f"{node.lineno}: click.{node.attr}"
            case ast.Attribute(value=ast.Name(id="sys"), attr="stdout" | "stderr" | "__stdout__" | "__stderr__"):
                if id(node) not in allowed:
                    yield f"{node.lineno}: sys.{node.attr}"
            case ast.Attribute(value=ast.Name(id="traceback"), attr=attr) if attr.startswith("print"):
                yield f"{node.lineno}: traceback.{attr}"
            case ast.ImportFrom(module=module) if module and module.split(".")[0] == "rich":
                others = {alias.name for alias in node.names} - TYPES
                if others:
                    yield f"{node.lineno}: {', '.join(sorted(others))} of {module}"
            case ast.Import():
                yield from (f"{node.lineno}: {a.name}" for a in node.names if a.name.split(".")[0] == "rich")


def test_nothing_prints_past_the_gate():
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        if name not in GATE | CHILDREN and (faults := list(offences(path))):
            found[name] = faults
    assert not found, "use compressor.base.standard_output or Screen"


def test_every_way_around_the_gate_is_seen(tmp_path):
    path = tmp_path / "module.py"
    path.write_text(
        "import sys, click, traceback, rich\nfrom rich.text import Text\nprint(1)\nclick.echo(2)\n"
        "sys.stdout.write('3')\nsys.stderr.flush()\ntraceback.print_exc()\n"
    )
    assert sorted(offences(path)) == [
        "1: rich",
        "2: Text of rich.text",
        "3: print",
        "4: click.echo",
        "5: sys.stdout",
        "7: traceback.print_exc",
    ]


def test_every_command_keeps_standard_output_to_the_tool():
    from compressor.cli import root
    from compressor.cli.own_command import OwnCommand

    for name in root.list_commands(None):
        command = root.get_command(None, name)
        for each in getattr(command, "commands", {"": command}).values():
            assert isinstance(each, OwnCommand), name
