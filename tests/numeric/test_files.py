"""Files of values and data: what is read, what is refused and where, and that nothing half-written stays."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import symbackprop as sb
from symbackprop.numeric.files import read_csv, read_data, read_values, save_npz, whole_file


@pytest.mark.parametrize(
    "text",
    [
        "x_1,y\n0,1\n0.5,0\n",
        "x_1;y\n0;1\n0.5;0",
        "x_1\ty\r\n0\t1\r\n0.5\t0\r\n",
        "# XOR\nx_1, y\n\n 0 , 1\n5e-1,0\n",
        '"x_1","y"\n"0","1"\n0.5,0\n',
    ],
)
def test_csv_in_its_usual_spellings(text: str) -> None:
    columns = read_csv(text, "xor.csv")
    assert {name: column.tolist() for name, column in columns.items()} == {"x_1": [0, 0.5], "y": [1, 0]}


def test_csv_headers_of_elements() -> None:
    assert list(read_csv('"X[1,2]",X[3]\n1,2\n', "a.csv")) == ["X[1,2]", "X[3]"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "a.csv: the file is empty"),
        ("x,y\n", "a.csv, line 1: there are names, but no rows"),
        ("x,,y\n1,2,3\n", "a.csv, line 1, column 3: a column without a name"),
        ("x,x\n1,2\n", "a.csv, line 1, column 1: the column x stands twice"),
        ("0,1\n1,0\n", "a.csv, line 1, column 1: the first line holds 0"),
        ("x,y\n1,2\n3,four\n", "a.csv, line 3, column 3: y: 'four' is not a number"),
        ("x,y\n1,\n", "a.csv, line 2, column 3: y: a number is missing"),
        ("x,y\n1,2,3\n", "a.csv, line 2, column 3: 3 numbers for 2 columns"),
        ("x,y\n\n1\n", "a.csv, line 3, column 1: 1 numbers for 2 columns"),
        ("x,y\n1,nan\n", "a.csv, line 2, column 3: y: nan is not a finite number"),
    ],
)
def test_csv_errors_say_where(text: str, message: str) -> None:
    with pytest.raises(sb.DataError) as caught:
        read_csv(text, "a.csv")
    assert str(caught.value).startswith(message)


def test_json(tmp_path: Path) -> None:
    path = tmp_path / "v.json"
    path.write_text('{"w_12": 0.5, "W": [[1, 2], [3, 4]]}')
    assert read_values(path) == {"w_12": 0.5, "W": [[1, 2], [3, 4]]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"w": 1,\n "b": }', "v.json, line 2, column 7: this is not JSON"),
        ("[1, 2]", "v.json: values are a JSON object"),
    ],
)
def test_json_errors_say_where(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "v.json"
    path.write_text(text)
    with pytest.raises(sb.DataError) as caught:
        read_values(path)
    assert str(caught.value).startswith(message)


def test_lines_go_to_the_reader_that_is_given(tmp_path: Path) -> None:
    path = tmp_path / "values.net"
    path.write_text("w_12 := 0.5\n")
    assert read_values(path, lambda text, file: {text.split()[0]: file}) == {"w_12": "values.net"}


def test_npz_keeps_every_bit(tmp_path: Path) -> None:
    values = {
        "w_12": np.float64(1 / 3),
        "W^(1)": np.float32([[1, 2], [3, 0.1]]),
        "file": np.array(2.0),
        "权": np.ones(2),
    }
    save_npz(tmp_path / "p.npz", values)
    found = read_values(tmp_path / "p.npz")
    assert list(found) == list(values)
    for name, value in values.items():
        assert found[name].dtype == np.asarray(value).dtype
        assert np.array_equal(found[name], value)
    with np.load(tmp_path / "p.npz") as archive:
        assert archive["W^(1)"].shape == (2, 2)


def test_npz_is_the_same_byte_for_byte(tmp_path: Path) -> None:
    for name in ("a", "b"):
        save_npz(tmp_path / f"{name}.npz", {"w": 0.5})
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04broken"])
def test_a_broken_npz_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "p.npz"
    path.write_bytes(content)
    with pytest.raises(sb.DataError, match="not an NPZ file"):
        read_data(path)


def test_pickles_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "p.npz", w=np.array([{"a": 1}], dtype=object))
    with pytest.raises(sb.DataError, match="not an NPZ file of numbers"):
        read_data(tmp_path / "p.npz")


@pytest.mark.parametrize("name", ["none.npz", "none.csv", "none.json"])
def test_a_missing_file(tmp_path: Path, name: str) -> None:
    with pytest.raises(sb.DataError, match="there is no file"):
        read_data(tmp_path / name)


def test_a_file_that_is_not_text(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"x,y\n\xff\xfe\n")
    with pytest.raises(sb.DataError, match="cannot be read"):
        read_data(tmp_path / "a.csv")


def test_an_old_file_survives_a_failure(tmp_path: Path) -> None:
    path = tmp_path / "p.npz"
    save_npz(path, {"w": 1.0})
    before = path.read_bytes()

    def fail() -> None:
        with whole_file(path) as stream:
            stream.write(b"half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["p.npz"]


def test_a_folder_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(sb.DataError, match="cannot be written"):
        save_npz(tmp_path / "no" / "p.npz", {"w": 1.0})


def test_trained_parameters_survive_json() -> None:
    value = np.float64(1 / 3)
    assert json.loads(json.dumps(value.tolist())) == value
