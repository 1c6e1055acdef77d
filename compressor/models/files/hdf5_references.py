"""Refuses HDF5 files that would bring in something from outside: other files, or plugins of the library."""

from __future__ import annotations

from typing import Any

from compressor.base.errors import ModelError

_FILTERS = {1: "deflate", 2: "shuffle", 3: "fletcher32", 4: "szip", 5: "nbit", 6: "scaleoffset", 32000: "lzf"}
"""The filters that HDF5 and h5py have built in, by number. HDF5 looks for any other in a folder of plugins."""


def refuse_references(item: Any) -> None:
    """Refuse a group with links other than hard ones, or a dataset whose values are elsewhere. Nothing is read.

    Args:
        item: a group, the file itself, or a dataset of `h5py`.

    Raises:
        ModelError: it has one.
    """
    import h5py

    if isinstance(item, h5py.Group):
        for name in item:
            _refuse_link(item, name)
        return
    if not isinstance(item, h5py.Dataset):
        return
    if item.external:
        raise ModelError(f"it would read another file ('{_text(item.external[0][0])}')", "")
    if item.is_virtual:
        sources = item.virtual_sources()
        raise ModelError(f"it would read another file ('{_text(sources[0].file_name if sources else '')}')", "")
    created = item.id.get_create_plist()
    for index in range(created.get_nfilters()):
        number = created.get_filter(index)[0]
        if number not in _FILTERS:
            what = f"its values in '{item.name}' are packed by filter {number}, which HDF5 does not have built in"
            raise ModelError(what, "save it again without it")


def _refuse_link(group: Any, name: str) -> None:
    import h5py

    kind = group.id.links.get_info(name.encode()).type
    if kind == h5py.h5l.TYPE_HARD:
        return
    if kind == h5py.h5l.TYPE_EXTERNAL:
        raise ModelError(f"it would read another file ('{name}')", "")
    raise ModelError(f"it holds a link in place of '{name}', which Keras never writes", "")


def _text(name: str | bytes) -> str:
    return name.decode(errors="replace") if isinstance(name, bytes) else name
