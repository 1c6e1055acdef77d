"""The papers that the docs of strategies name, as BibTeX."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from dataclasses import dataclass

from compressor.planning.registry import Registry

_NAME = r"[A-Z][\w'-]+"
_CITED = re.compile(
    rf"(?P<authors>{_NAME}(?:(?:, {_NAME})* & {_NAME}| et al\.)?) (?P<year>(?:19|20)\d\d)"
    r"(?:, \"(?P<title>[^\"]+)\")?,? \(?arXiv (?P<number>\d{4}\.\d{4,5})"
)


@dataclass(frozen=True, slots=True)
class Paper:
    """A paper by its arXiv number; the title is empty where the text that names it has none."""

    number: str
    authors: str
    year: str
    title: str

    @property
    def bibtex(self) -> str:
        """An entry of BibTeX, with the number as its key and, for want of a title, as its title."""
        people = re.split(", | & ", self.authors.removesuffix(" et al."))
        authors = [*people, "others"] if self.authors.endswith(" et al.") else people
        fields = {
            "author": " and ".join(authors),
            "title": f"{{{self.title or f'arXiv {self.number}'}}}",
            "year": self.year,
            "eprint": self.number,
            "archivePrefix": "arXiv",
            "url": f"https://arxiv.org/abs/{self.number}",
        }
        return bibtex_entry("misc", f"arxiv:{self.number}", fields)


def bibtex_entry(kind: str, key: str, fields: dict[str, str]) -> str:
    """An entry of BibTeX; what is no name or number is to stand in braces of its own already."""
    width = max(map(len, fields))
    lines = [f"  {name.ljust(width)} = {{{value}}}," for name, value in fields.items()]
    return "\n".join([f"@{kind}{{{key},", *lines, "}"])


def papers_in(text: str) -> list[Paper]:
    """The papers that a text names as `Zhu & Gupta 2017, "To prune, or not to prune" (arXiv 1710.01878)` does."""
    found = _CITED.finditer(" ".join(text.split()))
    return [Paper(one["number"], one["authors"], one["year"], one["title"] or "") for one in found]


def papers_of(strategies: Iterable[str], registry: Registry) -> list[Paper]:
    """The papers that the docs of strategies name, each once, with its title if any of them has it.

    A strategy that is not installed here names none.
    """
    entries = [entry for name in dict.fromkeys(strategies) for entry in registry.entries["strategy"].get(name, ())]
    everywhere = [entry for known in registry.entries["strategy"].values() for entry in known]
    titled = {paper.number: paper for entry in everywhere for paper in papers_in(_doc(entry.cls)) if paper.title}
    found = [paper for entry in entries for paper in papers_in(_doc(entry.cls))]
    return list({paper.number: titled.get(paper.number, paper) for paper in found}.values())


def _doc(cls: type) -> str:
    return inspect.getdoc(cls) or ""
