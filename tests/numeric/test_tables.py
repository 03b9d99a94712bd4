"""CSV as people write it: what is read, what is refused and where, and how long a large table takes."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

import symbackprop as sb
from symbackprop.numeric.files import read_data
from symbackprop.numeric.tables import read_csv


@pytest.mark.parametrize(
    "text",
    [
        "x_1,y\n0,1\n0.5,0\n",
        "x_1;y\n0;1\n0.5;0",
        "x_1\ty\r\n0\t1\r\n0.5\t0\r\n",
        "# XOR\nx_1, y\n\n 0 , 1\n5e-1,0\n",
        '"x_1","y"\n"0","1"\n0.5,0\n',
        '"x_1" ;"y"\r\n 0 ; "1"\r\n"0.5";0\r\n',
    ],
)
def test_csv_in_its_usual_spellings(text: str) -> None:
    columns = read_csv(text, "xor.csv")
    assert {name: column.tolist() for name, column in columns.items()} == {"x_1": [0, 0.5], "y": [1, 0]}


def test_csv_headers_of_elements() -> None:
    assert list(read_csv('"X[1,2]",X[3]\n1,2\n', "a.csv")) == ["X[1,2]", "X[3]"]
    assert list(read_csv("X[1,2];X[3]\n1;2\n", "a.csv")) == ["X[1,2]", "X[3]"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "a.csv: the file is empty"),
        ("x,y\n", "a.csv, line 1: there are names, but no rows"),
        ("x,,y\n1,2,3\n", "a.csv, line 1, column 3: a column without a name"),
        ("x,x\n1,2\n", "a.csv, line 1, column 3: the column x stands twice"),
        ("0,0\n1,0\n", "a.csv, line 1, column 1: the first line holds 0"),
        ('"x","y\n1,2\n', "a.csv, line 1, column 5: a quotation mark is not closed"),
        ('x,y\n"1,2\n', "a.csv, line 2, column 1: a quotation mark is not closed"),
        ("x;y\n1;2\n0,5;1\n", "a.csv, line 3, column 1: x: '0,5' is not a number"),
        ('x,y\n1, "two"\n', "a.csv, line 2, column 5: y: 'two' is not a number"),
        ('x,y,z\n"1,5",3,four\n', "a.csv, line 2, column 2: x: '1,5' is not a number"),
        ('x,y,z\n"1","",3\n', "a.csv, line 2, column 5: y: a number is missing"),
        ("x y\n1 2\n", "a.csv, line 2, column 1: x y: '1 2' is not a number"),
        ("x,y\n1,2\n3,four\n", "a.csv, line 3, column 3: y: 'four' is not a number"),
        ("x,y\n1,\n", "a.csv, line 2, column 3: y: a number is missing"),
        ("x,y\n1,2,3\n", "a.csv, line 2, column 3: 3 numbers for 2 columns"),
        ("x,y\n\n1\n", "a.csv, line 3, column 1: 1 number for 2 columns"),
        ("x,y\n1,nan\n", "a.csv, line 2, column 3: y: nan is not a finite number"),
    ],
)
def test_csv_errors_say_where(text: str, message: str) -> None:
    with pytest.raises(sb.DataError) as caught:
        read_csv(text, "a.csv")
    assert str(caught.value).startswith(message)


def test_a_byte_order_mark_is_no_part_of_the_first_name(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes("\ufeffx;y\r\n1;2\r\n".encode())
    assert list(read_data(tmp_path / "a.csv")) == ["x", "y"]


def test_a_million_numbers_keep_every_bit_and_take_a_moment() -> None:
    table = np.random.default_rng(0).standard_normal((100_000, 10))
    lines = [",".join(f"x_{k}" for k in range(10)), *(",".join(map(repr, row)) for row in table.tolist())]
    text = "\n".join(lines)
    start = time.process_time()
    found = read_csv(text, "large.csv")
    assert time.process_time() - start < 3  # about 0.4 s on a laptop
    assert np.array_equal(np.stack(list(found.values()), axis=1), table)


def test_a_mistake_at_the_end_of_a_large_table_is_found() -> None:
    with pytest.raises(sb.DataError, match="line 100002, column 3: y: 'end' is not a number"):
        read_csv("x,y\n" + "1,2\n" * 100_000 + "3,end\n", "large.csv")
