"""Takes what is shown on a screen apart, for tests of it."""

import re


def parted(lines):
    """The lines without those that name the columns which are left out, and the names of these."""
    text = "\n".join(lines)
    notes = re.findall(r"^ not shown here:[\s\S]*?\sthem$", text, re.MULTILINE)
    for note in notes:
        text = text.replace(note, "")
    names = []
    for note in notes:
        flat = " ".join(note.split())
        found = re.fullmatch(
            r"not shown here: (.*); a wider terminal has room for them, and (--json|report.html|seeds.json) has them",
            flat,
        )
        names += found[1].split(", ")
    return [line for line in text.split("\n") if line], names
