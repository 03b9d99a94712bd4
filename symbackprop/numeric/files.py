"""Files of values and data: JSON, NPZ and CSV in, NPZ out, every error with its file and place.

Contract: readers return plain mappings from the author's names to numbers, or raise one `DataError`;
writers leave either the whole new file or the old one.
"""

from __future__ import annotations

import json
import os
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np

from symbackprop.errors import DataError
from symbackprop.numeric.tables import read_csv

Assignments = Callable[[str, str], Mapping[str, Any]]
"""Reads the text of ``:=`` lines; the second argument is the file's name, for messages."""

LARGEST_FILE = 1 << 30


def read_values(path: str | Path, assignments: Assignments | None = None) -> dict[str, Any]:
    """Values by name from an NPZ file, a JSON object, or (with `assignments`) lines such as ``w_12 := 0.5``.

    Raises:
        DataError: the file is missing, cannot be read, or holds something other than numbers.
    """
    path = Path(path)
    if path.suffix.lower() == ".npz":
        return read_npz(path)
    text = _text(path)
    if path.suffix.lower() == ".json" or text.lstrip().startswith("{") or assignments is None:
        return _json_object(text, path)
    return dict(assignments(text, path.name))


def read_data(path: str | Path) -> dict[str, Any]:
    """Data by name: an NPZ file as it is, a CSV file column by column.

    Raises:
        DataError: with file, line and column of what is wrong.
    """
    path = Path(path)
    if path.suffix.lower() == ".npz":
        return read_npz(path)
    return dict(read_csv(_text(path), path.name))


def read_npz(path: Path) -> dict[str, Any]:
    """The arrays of an NPZ file by name; nothing is unpickled.

    Raises:
        DataError: the file is missing, is no NPZ file, or one of its arrays is damaged or not of numbers.
    """
    hint = "write it with numpy.savez(file, name=array, ...)"
    try:
        with zipfile.ZipFile(path) as archive:
            return {entry.removesuffix(".npy"): _array(archive, entry, path) for entry in archive.namelist()}
    except FileNotFoundError:
        raise DataError(f"there is no file {path}") from None
    except (zipfile.BadZipFile, EOFError):
        raise DataError(f"{path} is not an NPZ file, or it is damaged", hint=hint) from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from None


def _array(archive: zipfile.ZipFile, entry: str, path: Path) -> Any:
    """One array of an archive."""
    name = entry.removesuffix(".npy")
    try:
        with archive.open(entry) as stream:
            return np.lib.format.read_array(stream, allow_pickle=False)
    except (ValueError, RuntimeError, NotImplementedError, zlib.error):
        raise DataError(
            f"{path}: {name} is not an array of numbers, or it is damaged",
            hint="an array of Python objects is not read, since it could run a program; make it an array of numbers",
        ) from None


def _json_object(text: str, path: Path) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        line = text.splitlines()[error.lineno - 1] if text.splitlines() else ""
        raise DataError(
            f"this is not JSON: {error.msg}",
            text=line,
            line=error.lineno,
            file=path.name,
            span=(error.colno - 1, error.colno),
            hint='write {"w_12": 0.5, "b_1": 0}',
        ) from None
    except RecursionError:
        raise DataError(
            "these brackets are nested too deeply", file=path.name, hint='write {"w_12": 0.5, "W": [[1, 2], [3, 4]]}'
        ) from None
    except ValueError:  # Python's limit for the digits of an integer
        raise DataError("a number has thousands of digits", file=path.name, hint="write it as 1.5e300") from None
    if not isinstance(found, dict):
        raise DataError(
            "values are a JSON object of names and numbers",
            file=path.name,
            hint='write {"w_12": 0.5, "b_1": 0}',
        )
    return {str(name): value for name, value in found.items()}


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise DataError(f"{path} is too large for a text file", hint="use NPZ for large arrays")
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise DataError(f"there is no file {path}") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise DataError(
            f"{path} cannot be read: it is not UTF-8 text", hint="give a UTF-8 text file, or an NPZ file named .npz"
        ) from None


# -- writing -----------------------------------------------------------------------------------------------
@contextmanager
def whole_file(path: str | Path) -> Generator[IO[bytes]]:
    """A file that appears under its name only when everything is written.

    Raises:
        DataError: the folder is missing or cannot be written.
    """
    path = Path(path)
    if (
        path.exists() and not path.is_file() and not path.is_dir()
    ):  # a device or a pipe, such as /dev/null: never replaced
        try:
            with open(path, "wb") as stream:
                yield stream
        except OSError as error:
            raise DataError(f"{path} cannot be written: {error.strerror or error}") from None
        return
    target = Path(os.path.realpath(path))  # a link stays a link
    handle, temporary = _temporary(path, target)
    try:
        with open(handle, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, target)
    except OSError as error:
        raise DataError(f"{path} cannot be written: {error.strerror or error}") from None
    finally:
        Path(temporary).unlink(missing_ok=True)


def check_writable(path: str | Path) -> None:
    """Refuse now what `whole_file` would refuse later.

    Raises:
        DataError: the folder is missing or cannot be written.
    """
    path = Path(path)
    if path.is_file() or path.is_dir() or not path.exists():
        handle, temporary = _temporary(path, Path(os.path.realpath(path)))
        os.close(handle)
        os.unlink(temporary)


def _temporary(path: Path, target: Path) -> tuple[int, str]:
    """A new file in the folder of the target, open for writing, and its name."""
    if path.is_dir():
        raise DataError(f"{path} cannot be written: it is a folder")
    try:
        return tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    except OSError as error:
        raise DataError(f"{path} cannot be written: {error.strerror}") from None


def write_files(contents: Mapping[Path, bytes]) -> None:
    """Several files, none of which appears before all of them are on the disk.

    Raises:
        DataError: one of them cannot be written; older files of these names are then untouched.
    """
    with ExitStack() as stack:
        for path, content in contents.items():
            stream = stack.enter_context(whole_file(path))
            stream.write(content)
            stream.flush()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def save_npz(path: str | Path, values: Mapping[str, Any]) -> None:
    """Arrays by name as an NPZ file, without loss and byte for byte the same for the same values.

    Raises:
        DataError: the file cannot be written; an older file of this name is then untouched.
    """
    with whole_file(path) as stream, zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for name, value in values.items():  # numpy.savez has no room for a quantity called 'file'
            with archive.open(zipfile.ZipInfo(name + ".npy"), "w", force_zip64=True) as entry:
                np.lib.format.write_array(entry, np.asanyarray(value), allow_pickle=False)
