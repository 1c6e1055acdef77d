"""Events reach every observer of a run, and those of a teacher's run under the teacher's name."""

import inspect
from types import SimpleNamespace

import pytest

from compressor.contracts.observer import Observer, Observers, TeacherObserver

EVENTS = {name: event for name, event in vars(Observer).items() if not name.startswith("_")}


class Stage(SimpleNamespace):
    def model_copy(self, update):
        return Stage(**vars(self) | update)


class Recorder(Observer):
    """Writes down what it is told."""

    def __init__(self):
        self.told = []

    def __getattribute__(self, name):
        if name not in EVENTS:
            return super().__getattribute__(name)
        return lambda *args: self.told.append((name, *args))


def arguments_of(event):
    """Values for the parameters of an event: a stage where it takes one, and otherwise the parameter's name."""
    names = list(inspect.signature(event).parameters)[1:]
    return [Stage(id="prune") if name == "stage" else name for name in names]


@pytest.mark.parametrize("event", EVENTS)
def test_every_event_reaches_all_observers_in_their_order(event):
    first, second = Recorder(), Recorder()
    arguments = arguments_of(EVENTS[event])
    getattr(Observers(first, second), event)(*arguments)
    assert first.told == second.told == [(event, *arguments)]


@pytest.mark.parametrize("event", EVENTS)
def test_a_teachers_events_come_under_its_name_and_its_run_neither_begins_nor_ends_the_students(event):
    recorder = Recorder()
    arguments = arguments_of(EVENTS[event])
    getattr(TeacherObserver(recorder, "big"), event)(*arguments)
    if event in ("run_started", "rehearsing", "rehearsed", "run_finished", "run_failed"):
        assert recorder.told == []
    elif event in ("step_finished", "teacher_stage_finished"):
        assert recorder.told == [("teacher_stage_finished", Stage(id="teacher big/prune"))]
    elif arguments[:1] == ["step_id"]:
        assert recorder.told == [(event, "teacher big/step_id", *arguments[1:])]
    else:
        assert recorder.told == [(event, *arguments)]
