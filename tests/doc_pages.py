"""The pages of the docs as their tests see them: blocks of code and commands, in the order in which they stand.

A comment directly above a block says how it is to be taken:

    <!-- not run: why -->        it cannot be run
    <!-- long -->                it takes long, and is run by `make test-long`
    <!-- file: first.yaml -->    it is saved under that name for what follows
"""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("docs/**/*.md"))]
KINDS = {
    "python": "run",
    "yaml": "a recipe, or a part of one, which is planned; or a job of CI",
    "toml": "read",
    "sh": "commands, one a line, which are run; so is a block that names no kind",
    "console": "commands after `$ `, which are run, and all that they print, which is compared",
    "text": "what something prints, or a drawing",
}
_MARK = r"<!-- (?:not run: [^\n]*|long|file: [^\n]*) -->\n"
_BLOCK = re.compile(rf"^((?:{_MARK})*)```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_INLINE = re.compile(r"`(compressor [a-z][^`\n]*)`")
_SLOW = ("apply", "compress", "convert", "debug", "search", "sensitivity")  # of the commands


@dataclass(frozen=True)
class Block:
    """A block of a page, or a command within its text."""

    page: Path
    line: int
    kind: str
    text: str
    marks: str = ""
    inline: bool = False

    @property
    def place(self):
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def not_run(self):
        """Why it cannot be run, or nothing."""
        found = re.search(r"not run: (.*) -->", self.marks)
        return found[1] if found else ""

    @property
    def file(self):
        found = re.search(r"file: (.*) -->", self.marks)
        return found[1] if found else ""

    @property
    def long(self):
        return "<!-- long -->" in self.marks

    @property
    def commands(self):
        """Its command lines, without comments."""
        if self.kind == "yaml":
            return [re.sub(r"\s+#.*", "", line) for line in re.findall(r"- (?:run: )?(compressor .*)", self.text)]
        if self.kind not in ("sh", "console"):
            return []
        lines = self.text.split("\n")
        if self.kind == "console":
            lines = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
        return [line for line in (re.sub(r"\s+#.*", "", line).strip() for line in lines) if line]


def blocks(*pages):
    """All blocks and commands of pages, in order."""
    found = []
    for page in pages or PAGES:
        text = page.read_text()

        def line_at(place, text=text):
            return text[:place].count("\n") + 1

        for match in _BLOCK.finditer(text):
            found.append(Block(page, line_at(match.start(2)), match[2] or "sh", match[3], match[1]))
        outside = _BLOCK.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)
        for match in _INLINE.finditer(outside):
            found.append(Block(page, line_at(match.start()), "sh", match[1].rstrip(","), inline=True))
    order = {page: place for place, page in enumerate(PAGES)}
    return sorted(found, key=lambda block: (order[block.page], block.line))


def is_slow(command):
    """Whether a command line takes long: it trains, converts, or needs the files that training has made."""
    words = shlex.split(re.sub(r"^\S+ \| ", "", command))
    if words[0] != "compressor":
        return True
    slow_file = any(re.search(r"\.keras$|\.h5$|spirals|first/", word) for word in words)
    return len(words) > 2 and (words[1] in _SLOW or slow_file)
