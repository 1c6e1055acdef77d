"""Code that takes too long is ended, also code that swallows every exception."""

import signal
import threading
import time

import pytest

from compressor.base.time_limit import OverdueError, time_limit


def test_what_takes_too_long_is_interrupted():
    began = time.monotonic()
    with pytest.raises(OverdueError) as caught, time_limit(0.1):
        time.sleep(30)
    assert str(caught.value) == "it took more than 0.1 s"
    assert time.monotonic() - began < 5


def test_what_swallows_exceptions_is_interrupted():
    with pytest.raises(OverdueError), time_limit(0.1):
        try:
            time.sleep(30)
        except Exception:  # noqa: BLE001
            pytest.fail("it saw the interrupt")


def test_what_is_done_in_time_is_left_alone():
    before = signal.getsignal(signal.SIGALRM)
    with time_limit(30):
        assert signal.getitimer(signal.ITIMER_REAL)[0] > 0
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
    assert signal.getsignal(signal.SIGALRM) is before


def test_other_threads_have_no_limit():
    ended = []

    def work():
        with time_limit(0.01):
            time.sleep(0.1)
        ended.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert ended == [True]
