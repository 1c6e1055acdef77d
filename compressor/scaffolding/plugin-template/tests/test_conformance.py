"""The checks that compressor has for every strategy."""

from collections.abc import Callable

from compressor.testing import parametrize_with_checks

from my_plugin import Clip, Trim


@parametrize_with_checks(Trim)
def test_trim_conforms(check: Callable[[], None]) -> None:
    check()


@parametrize_with_checks(Clip)
def test_clip_conforms(check: Callable[[], None]) -> None:
    check()
