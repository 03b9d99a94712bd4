"""Rubrics: what they say, and one message for what they should not say."""

from __future__ import annotations

import pytest

from symbackprop.errors import DataError
from symbackprop.homework.marking.marks import Marked, Scheme
from symbackprop.homework.marking.rubric import read_rubric
from symbackprop.homework.marking.sources import Handed
from symbackprop.homework.marking.work import Setup, Task, mark_students
from symbackprop.homework.records import Record

NETWORK = r"""
z = w x + b
a = \sigma(z)
E = \frac{1}{2} (a - y)^2
"""

WHOLE = r"""
title = "Homework 3"
required = ["dE/dw"]
attempts = "best"
[points]
default = 2
"\\frac{\\partial E}{\\partial b}" = 4
[credit]
follows = 0.5
steps = 0.5
[deductions]
sign = 0.25
"""


def marked(text: str, rubric: str | None, network: str = NETWORK, name: str = "net.net") -> Marked:
    [found] = mark_students(Setup(network, name, rubric=rubric), [Task("ann", (Handed("ann.md", text),))])
    return found


def test_everything_is_read() -> None:
    rubric = read_rubric(WHOLE, "rubric.toml")
    assert (rubric.title, rubric.required, rubric.attempts, rubric.default) == ("Homework 3", ("dE/dw",), "best", 2.0)
    assert rubric.targets == ("dE/dw", r"\frac{\partial E}{\partial b}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("title = ", "not TOML"),
        ("titel = 'x'", "did you mean title?"),
        ("required = 3", "no list of targets"),
        ("required = []", "required is empty"),
        ("title = 3", "no text"),
        ("attempts = 'first'", "last, best, worst"),
        ("points = 3", "points is no table"),
        ("[points]\n'dE/dw' = -1", "dE/dw is -1"),
        ("[points]\n'dE/dw' = true", "dE/dw is True"),
        ("[points]\n'dE/dw' = nan", "dE/dw is nan"),
        ("[credit]\nfollows = 2", "from 0 to 1"),
        ("[credit]\nfollow = 0.5", "did you mean follows?"),
        ("[deductions]\nsing = 0.5", "did you mean sign?"),
        ("x = " + "[" * 5000, "rubric"),
    ],
)
def test_mistakes_in_a_rubric(text: str, message: str) -> None:
    with pytest.raises(DataError) as caught:
        read_rubric(text, "rubric.toml")
    assert message in str(caught.value)
    assert "rubric.toml" in str(caught.value)


def test_points_of_a_correct_and_a_missing_answer() -> None:
    found = marked("dE/db = (a - y) a (1 - a)", WHOLE)
    assert [(r.target, r.verdict) for r in found.records] == [("dE/db", "correct"), ("dE/dw", "missing")]
    assert found.points == (4.0, 0.0)
    assert (found.total, found.right, found.outcome) == (4.0, False, {"dE/dw": "missing"})


def test_what_has_points_but_is_not_required_is_not_missing() -> None:
    found = marked("dE/dw = (a - y) a (1 - a) x", WHOLE)
    assert [r.verdict for r in found.records] == ["correct"]
    assert (found.total, found.right) == (2.0, True)


def test_half_points_for_what_follows() -> None:
    found = marked("dE/dz = (a - y) a\ndE/dw = (a - y) a x", WHOLE)
    assert [(r.target, r.verdict) for r in found.records] == [("dE/dz", "wrong"), ("dE/dw", "follows")]
    assert found.points == (None, 1.0)


def test_a_deduction_for_a_known_mistake() -> None:
    found = marked("dE/dw = (y - a) a (1 - a) x", WHOLE)
    assert found.records[0].mistake == "sign"
    assert found.points == (1.5,)


def test_points_for_right_links() -> None:
    found = marked("dE/dw = (a - y) a (1 - a) x = (a - y) x", WHOLE)
    assert found.records[0].links == ("correct", "wrong")
    assert found.points == (0.5,)


@pytest.mark.parametrize(("attempts", "points"), [("last", (None, 0.0)), ("best", (1.0, None)), ("worst", (None, 0.0))])
def test_which_of_several_answers_counts(attempts: str, points: tuple[float | None, ...]) -> None:
    rubric = f'attempts = "{attempts}"\n[points]\n"dE/db" = 1'
    assert marked("dE/db = (a - y) a (1 - a)\ndE/db = 7", rubric).points == points


def test_without_a_rubric_there_are_no_points() -> None:
    found = marked("dE/dw = (a - y) a (1 - a) x\ndE/db = (a - y) a (1 - a)", None)
    assert (found.points, found.total, found.right) == ((None, None), None, True)


def test_a_target_named_twice() -> None:
    with pytest.raises(DataError, match="names a target twice"):
        marked("", '[points]\n"dE/dw" = 1\n"w" = 2')


def test_an_unknown_target_is_refused() -> None:
    from symbackprop.errors import SymbackpropError

    with pytest.raises(SymbackpropError, match="dE/dq"):
        marked("", '[points]\n"dE/dq" = 1')


def test_layers_of_a_family_share_its_points() -> None:
    import symbackprop as sb
    from symbackprop.homework.judging.judge import Judge
    from symbackprop.homework.messages import Messages

    judge = Judge(sb.read("deep").derive(), Messages("en"))
    scheme = Scheme(judge, read_rubric("[points]\ndefault = 3", "rubric.toml"))
    assert scheme.maximum == 6.0
    goal = next(g for g in scheme.goals if len(g.members) == 3)
    last = sorted(goal.members[-1])[0]
    answer = Record(last, "correct", links=("correct",))
    lacking = Record(goal.target, "missing")
    found = scheme.marked("ann", [answer, lacking])
    assert found.points == (1.0, 0.0)
    assert found.outcome[goal.target] == "missing"
    whole = scheme.marked("ann", [Record(goal.target, "correct", links=("correct",))])
    assert whole.points == (3.0,)
    each = [Record(sorted(names)[0], "correct", links=("correct",)) for names in goal.members]
    assert scheme.marked("ann", each).outcome[goal.target] == "correct"
