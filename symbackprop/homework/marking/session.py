"""A whole run: students in, what they get out, with a journal so that nothing is marked twice.

Contract: results come in the order of the students and depend on nothing else; texts are read when a student's turn
comes and forgotten at once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence

from symbackprop.homework.marking.engines import Engine, run
from symbackprop.homework.marking.journal import Journal
from symbackprop.homework.marking.marks import Marked
from symbackprop.homework.marking.students import Student
from symbackprop.homework.marking.work import Setup, Task

Results = Callable[[], Iterator[Marked]]
"""What students get, in their order, as often as it is asked for."""


def stream(engine: Engine, setup: Setup, students: Sequence[Student]) -> Iterator[Marked]:
    """What students get, as soon as it is known."""
    return run(engine, setup, (Task(s.name, s.read()) for s in students))


def kept(
    engine: Engine,
    setup: Setup,
    students: Sequence[Student],
    journal: Journal,
    progress: Callable[[int, str], None] | None = None,
) -> Results:
    """Mark whom the journal does not know, and keep everyone in it.

    Args:
        engine: where the work is done.
        setup: what is marked against.
        students: all of them.
        journal: what is finished already, and what will be.
        progress: called with the number of finished students, and the last one's name.
    """
    keys: list[str] = []
    waiting: deque[str] = deque()
    reused = 0

    def tasks() -> Iterator[Task]:
        nonlocal reused
        for student in students:
            task = Task(student.name, student.read())
            key = task.key(setup)
            keys.append(key)
            if key in journal:
                reused += 1
            else:
                waiting.append(key)
                yield task

    for done, marked in enumerate(run(engine, setup, tasks()), 1):
        journal.add(waiting.popleft(), marked)
        if progress is not None:
            progress(done + reused, marked.student)
    return lambda: journal.read(keys)
