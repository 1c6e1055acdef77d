"""What workers tell each other beside their trainings: texts under names, in TensorFlow's coordination service.

The service runs within worker 0, and every worker sends it a sign of life in regular intervals.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

HEARTBEAT: Final = 30  # seconds without a sign of life after which a worker counts as dead
JOB: Final = "worker"
_PART = 8_000_000  # bytes of one text; the service holds all of them in the memory of worker 0
_PATIENCE = 0.3  # seconds between two looks at whether the run is over


class Mailbox:
    """Texts that one worker leaves, and another one takes. Names are used once."""

    def __init__(self, context: Any, look: Callable[[], None]) -> None:
        """Open it.

        Args:
            context: of TensorFlow, which has joined the cluster.
            look: is called again and again while a text is awaited; it raises an error if that will never come.
        """
        self._context = context
        self._look = look

    def put(self, name: str, content: bytes) -> None:
        """Leave a content under a name."""
        parts = range(0, len(content) or 1, _PART)
        for number, start in enumerate(parts):
            text = base64.b64encode(content[start : start + _PART]).decode()
            self._context.set_config_key_value(f"{name}/{number}", text)
        self._context.set_config_key_value(f"{name}/parts", str(len(parts)))

    def wait_for(self, name: str) -> bytes:
        """The content under a name, once it is there."""
        while True:
            self._look()
            parts = self.text(f"{name}/parts", _PATIENCE)
            if parts is not None:
                break
        texts = [self.text(f"{name}/{number}", HEARTBEAT) or "" for number in range(int(parts))]
        return b"".join(map(base64.b64decode, texts))

    def remove(self, name: str) -> None:
        """Remove the content under a name, and all of its parts."""
        for number in range(int(self.text(f"{name}/parts", _PATIENCE) or 0)):
            self._context.delete_config_key_value(f"{name}/{number}")
        self._context.delete_config_key_value(f"{name}/parts")

    def text(self, name: str, seconds: float) -> str | None:
        """The text under a name; None if there is none within some seconds."""
        import tensorflow as tf

        try:
            return str(self._context.get_config_key_value(name, int(1000 * seconds)))
        except tf.errors.DeadlineExceededError:
            return None

    def put_first(self, name: str, text: str) -> None:
        """Leave a text under a name, unless there is one."""
        import tensorflow as tf

        try:
            self._context.set_config_key_value(name, text)
        except tf.errors.AlreadyExistsError:
            return

    def silent(self, count: int) -> list[int]:
        """Which of the workers no longer give a sign of life; only worker 0 can tell."""
        states = self._context.get_task_states([(JOB, count)])
        return [index for index, state in enumerate(states) if state is not None]

    def abort(self, reason: str) -> None:
        """End all sums that this worker is waiting for; they raise an error."""
        import tensorflow as tf

        self._context.abort_collective_ops(tf.errors.UNAVAILABLE, reason)


def joined_context(leader: str, count: int, seconds: int) -> Any:
    """TensorFlow's context, told to join a cluster once it is used.

    Args:
        leader: name of the task in which the service runs.
        count: how many workers there are.
        seconds: that they may take to come.
    """
    # not public, like the service itself, which `tf.distribute` sets up with limits that cannot be told apart
    from tensorflow.compiler.xla.tsl.protobuf import coordination_config_pb2
    from tensorflow.python.eager import context as eager

    context = eager.context()
    context.configure_coordination_service(
        "standalone",
        service_leader=leader,
        cluster_register_timeout_in_ms=1000 * seconds,
        heartbeat_timeout_in_ms=1000 * HEARTBEAT,
        shutdown_barrier_timeout_in_ms=1000,
        coordinated_jobs=[coordination_config_pb2.CoordinatedJob(name=JOB, num_tasks=count)],
    )
    return context


@contextmanager
def losing_contact() -> Iterator[list[str]]:
    """Do something that needs worker 0; the list has a text in it if that could not be reached."""
    import tensorflow as tf

    lost: list[str] = []
    try:
        yield lost
    except tf.errors.OpError as error:
        lost.append(str(error))
