"""What users see of an error: the line, the caret in the right column, the hint."""

import pickle

import pytest

from symbackprop.errors import DataError, NetworkError, NotationError, SymbackpropError, columns, visible


def caret_column(error: SymbackpropError) -> int:
    """The terminal column in which the caret stands."""
    return str(error).split("\n")[2].index("^")


def source_row(error: SymbackpropError) -> str:
    return str(error).split("\n")[1]


def test_full_message() -> None:
    error = NotationError(
        "unknown command",
        text=r"a = \simga(z)",
        line=3,
        span=(4, 10),
        hint=r"write \sigma instead",
        file="net.md",
    )
    assert str(error) == (
        "net.md, line 3, column 5: unknown command\n    a = \\simga(z)\n        ^^^^^^\n    write \\sigma instead"
    )


def test_message_alone() -> None:
    assert str(DataError("no data")) == "no data"
    assert str(DataError("no data", hint="give some", file="x.csv")) == "x.csv: no data\n    give some"


def test_subclasses() -> None:
    assert all(issubclass(kind, SymbackpropError) for kind in (NotationError, NetworkError, DataError))


@pytest.mark.parametrize(
    ("text", "position"),
    [("a = ?", 4), ("损失 = ?", 5), ("\ta\t= ?", 5), ("ŷ = ?", 4), ("y\u0302 = ?", 5), ("（ｘ）= ?", 5)],
)
def test_caret_stands_under_the_character(text: str, position: int) -> None:
    error = NotationError("wrong", text=text, line=1, span=(position, position + 1))
    row = source_row(error)
    assert caret_column(error) == columns(row[: row.index("?")])


def test_caret_is_as_wide_as_the_mistake() -> None:
    rows = str(NotationError("wrong", text="a 损失 b", line=1, span=(2, 4))).split("\n")
    assert rows[2] == "      ^^^^"


@pytest.mark.parametrize("position", [0, 50, 5_000, 9_999, 10_000])
def test_long_lines_are_cut_around_the_caret(position: int) -> None:
    text = "".join(str(n % 10) for n in range(10_000))
    rows = str(NotationError("wrong", text=text, line=1, span=(position, position + 1))).split("\n")
    assert all(len(row) <= 110 for row in rows)
    if position < 10_000:
        assert rows[1][rows[2].index("^")] == text[position]


def test_control_and_bidirectional_characters_never_reach_the_terminal() -> None:
    error = NotationError("bad \x1b[31m", text="a\x1b[31m\u202eb", line=1, span=(1, 2), hint="\x07", file="\x9b")
    assert not any(c in str(error) for c in "\x1b\u202e\x07\x9b")
    assert visible("plain") == "plain"


@pytest.mark.parametrize("span", [(-5, -1), (3, 1), (99, 200), (0, 0)])
def test_spans_outside_the_text_do_no_harm(span: tuple[int, int]) -> None:
    assert "^" in str(NotationError("wrong", text="abc", line=1, span=span))


def test_location_is_filled_in_once() -> None:
    error = NetworkError("wrong").located(text="a = b", line=2, span=(0, 1), file="a.net")
    error.located(text="other", line=9, span=(3, 4), file="b.net")
    assert (error.text, error.line, error.span, error.file) == ("a = b", 2, (0, 1), "a.net")
    assert error.place == "a.net, line 2, column 1"


def test_errors_travel_between_processes() -> None:
    error = NotationError("wrong", text="a", line=1, span=(0, 1), hint="b", file="f")
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is NotationError
    assert str(copy) == str(error)
