"""Files of values and data: what is read, what is refused and where, and that nothing half-written stays."""

from __future__ import annotations

import io
import json
import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import symbackprop as sb
from symbackprop.numeric.files import read_data, read_values, save_npz, whole_file


def npy(array: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


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
        "b^[1]": np.float32([1e-45, -0.0, 3.4028235e38]),
        "theta_1,2": np.float64([5e-324, -0.0, 0.1 + 0.2]),
        "y'": np.arange(3),
        "file": np.array(2.0),
        "权": np.ones(2),
    }
    save_npz(tmp_path / "p.npz", values)
    found = read_values(tmp_path / "p.npz")
    assert list(found) == list(values)
    for name, value in values.items():
        assert found[name].dtype == np.asarray(value).dtype
        assert found[name].tobytes() == np.asarray(value).tobytes()
    with np.load(tmp_path / "p.npz") as archive:
        assert archive["W^(1)"].shape == (2, 2)


def test_npz_is_the_same_byte_for_byte(tmp_path: Path) -> None:
    for name in ("a", "b"):
        save_npz(tmp_path / f"{name}.npz", {"w": 0.5})
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


@pytest.mark.parametrize("content", [b"", b"x,y\n1,2\n", b"PK\x03\x04broken", pickle.dumps({"w": 1}), npy(np.ones(3))])
def test_what_is_no_npz_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "p.npz"
    path.write_bytes(content)
    with pytest.raises(sb.DataError, match="not an NPZ file"):
        read_data(path)


def test_a_damaged_npz_is_refused(tmp_path: Path) -> None:
    save_npz(tmp_path / "p.npz", {"w": np.ones(100)})
    content = bytearray((tmp_path / "p.npz").read_bytes())
    content[300] ^= 1
    (tmp_path / "p.npz").write_bytes(content)
    with pytest.raises(sb.DataError, match="damaged"):
        read_data(tmp_path / "p.npz")


class Trap:
    """Would leave a file behind if anybody unpickled it."""

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (Path("sprung"),)


def test_pickles_are_refused_and_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    np.savez("p.npz", x=np.ones(1), w=np.array([Trap()], dtype=object))
    with pytest.raises(sb.DataError, match=r"p\.npz: w is not an array of numbers"):
        read_data("p.npz")
    assert not Path("sprung").exists()


def test_a_zip_of_other_things_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "p.npz", "w") as archive:
        archive.writestr("readme.txt", "no array")
    with pytest.raises(sb.DataError, match=r"readme\.txt is not an array of numbers"):
        read_data(tmp_path / "p.npz")


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    for name in ("data.npz", "data.csv"):
        (tmp_path / name).mkdir()
        with pytest.raises(sb.DataError, match=f"{name} cannot be read"):
            read_data(tmp_path / name)


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


def test_the_new_file_is_whole_before_it_takes_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, real, seen = tmp_path / "p.npz", os.replace, list[Any]()

    def replace(source: str, target: Path) -> None:
        assert Path(source).parent == target.parent == tmp_path
        assert not path.exists()
        with np.load(source) as archive:
            seen.append(archive["w"].tolist())
        real(source, target)

    monkeypatch.setattr(os, "replace", replace)
    save_npz(path, {"w": np.arange(3)})
    assert seen == [[0, 1, 2]]


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "p.npz").symlink_to(tmp_path / "runs" / "last.npz")
    save_npz(tmp_path / "p.npz", {"w": 1.0})
    assert (tmp_path / "p.npz").is_symlink()
    assert read_values(tmp_path / "runs" / "last.npz") == {"w": 1.0}


def test_a_folder_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(sb.DataError, match="cannot be written"):
        save_npz(tmp_path / "no" / "p.npz", {"w": 1.0})


def test_trained_parameters_survive_json() -> None:
    value = np.float64(1 / 3)
    assert json.loads(json.dumps(value.tolist())) == value
