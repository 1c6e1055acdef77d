"""The public surface: what plugins and programs may rely on, one line for each name, with its signature.

`public_surface.txt` holds the surface that the changelog's Unreleased section starts from. It is renewed when a release
is made, by `python tests/public_surface.py --write`.
"""

import dataclasses
import enum
import inspect
import pkgutil
import re
import sys
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).parent.parent
STORED = Path(__file__).with_suffix(".txt")
LISTED = (
    "compressor", "compressor.data", "compressor.models.litert", "compressor.models.packing", "compressor.testing",
)  # fmt: skip


def _contracts():
    import compressor.contracts

    return [f"compressor.contracts.{module.name}" for module in pkgutil.iter_modules(compressor.contracts.__path__)]


def public_names():
    """By module, the public names in it; those of a module of contracts are what is defined there."""
    modules = {name: list(import_module(name).__all__) for name in LISTED}
    for name in _contracts():
        defined = vars(import_module(name)).items()
        own = [
            key
            for key, value in defined
            if not key.startswith("_")
            and (getattr(value, "__module__", None) == name or (key.isupper() and not inspect.isclass(value)))
        ]
        modules[name] = [key for key in own if _home(name, key) == name]
    return {module: names for module, names in modules.items() if names}


def _home(module, name):
    """Where a constant is from: the module, unless it is imported there."""
    source = inspect.getsource(import_module(module))
    return "elsewhere" if re.search(rf"^from .* import .*\b{name}\b", source, re.MULTILINE) else module


def signature(function):
    return re.sub(r"^\(self(, )?", "(", str(inspect.signature(function))).replace("'", "")


def _fields(cls):
    if hasattr(cls, "model_fields"):
        return [name for name in cls.model_fields if name in cls.__annotations__]
    return [field.name for field in dataclasses.fields(cls)] if dataclasses.is_dataclass(cls) else []


def members(cls):
    """The public members that a class defines itself, each with its signature or annotation."""
    if issubclass(cls, enum.Enum):
        return {}
    annotations = {name: text for name, text in inspect.get_annotations(cls).items() if name[0] != "_"}
    found = {name: f": {str(text).strip(chr(39))}" for name, text in annotations.items()}
    for name, value in vars(cls).items():
        if isinstance(value, staticmethod | classmethod):
            value = value.__func__
        generated = hasattr(cls, "model_fields") or dataclasses.is_dataclass(cls)
        shown = not name.startswith("_") or (name == "__init__" and not generated)
        if shown and inspect.isfunction(value):
            found[name] = signature(value)
        elif shown and isinstance(value, property):
            found[name] = f": {inspect.signature(value.fget).return_annotation}".replace("'", "")
    return found


def commands():
    from compressor.cli import root

    def walk(command, path):
        for name in getattr(command, "list_commands", lambda _: [])(None):
            yield from walk(command.get_command(None, name), f"{path} {name}")
        for option in (option for option in command.params if option.opts != ["--debug"]):  # every command has it
            yield f"{path} {' / '.join(option.opts)}"

    return sorted({line for line in walk(root, "compressor") if " -" in line})


def surface():
    lines = []
    for module, names in public_names().items():
        for name in names:
            value, full = getattr(import_module(module), name), f"{module}.{name}"
            if inspect.isclass(value):
                bases = ", ".join(base.__name__ for base in value.__bases__ if base is not object)
                lines.append(f"class {full}({bases})")
                if value.__module__ == module or module == "compressor":
                    lines += [f"{full}.{member}{rest}" for member, rest in members(value).items()]
            elif inspect.isroutine(value):
                lines.append(f"{full}{signature(value)}")
            else:
                lines.append(full)
    return list(dict.fromkeys([*lines, *commands()]))


def untold(lines, text):
    """The lines of the surface that a text does not name: an option, or a name with or without its class or module."""
    named = {word for span in re.findall(r"`([^`\n]+)`", text) for word in re.findall(r"--[\w-]+|\w+", span)}
    new_classes = {line.split()[1].partition("(")[0] for line in lines if line.startswith("class ")}
    missing = []
    for line in lines:
        if line.startswith("compressor "):
            words = set(re.findall(r"--[\w-]+", line)) or {line.split()[1]}
        else:
            full = re.match(r"[\w.]+", line.removeprefix("class "))[0]
            owner, _, name = full.rpartition(".")
            words = {name, owner.rpartition(".")[2]} if owner in new_classes else {name}
        if not words & named:
            missing.append(line)
    return missing


def unreleased():
    text = (ROOT / "CHANGELOG.md").read_text()
    return re.search(r"^## Unreleased\n(.*?)(?=^## |\Z)", text, re.DOTALL | re.MULTILINE)[1]


if __name__ == "__main__" and "--write" in sys.argv:
    if unreleased().strip():
        sys.exit("the changelog has lines under Unreleased: move them under the version that is released first")
    STORED.write_text("\n".join(surface()) + "\n")
