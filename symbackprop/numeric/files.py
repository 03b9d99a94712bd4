"""Files of values and data: JSON, NPZ and CSV in, NPZ out, every error with file, line and column.

Contract: readers return plain mappings from the author's names to numbers, or raise one `DataError`;
writers leave either the whole new file or the old one.
"""

from __future__ import annotations

import csv
import io
import json
import os
import tempfile
import zipfile
from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np

from symbackprop.errors import DataError

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
    """The arrays of an NPZ file by name; nothing is unpickled."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except FileNotFoundError:
        raise DataError(f"there is no file {path}") from None
    except (OSError, ValueError, zipfile.BadZipFile, EOFError) as error:
        raise DataError(
            f"{path} is not an NPZ file of numbers: {error}",
            hint="write it with numpy.savez(file, name=array, ...)",
        ) from None


def read_csv(text: str, file: str) -> dict[str, Any]:
    r"""Columns by header, each an array of float64 with one number for each row.

    >>> {name: column.tolist() for name, column in read_csv("x_1,y\n0,1\n0.5,0\n", "xor.csv").items()}
    {'x_1': [0.0, 0.5], 'y': [1.0, 0.0]}
    """
    rows = [
        (number, line)
        for number, line in enumerate(text.splitlines(), start=1)
        if line.strip() and not line.lstrip().startswith("#")
    ]
    if not rows:
        raise DataError("the file is empty", file=file, hint="the first line names the columns: x_1,x_2,y")
    head_number, head = rows[0]
    separator = next((c for c in (",", ";", "\t") if c in head), ",")
    names = [name for name, _ in _cells(head, separator)]
    for name, span in _cells(head, separator):
        if not name:
            raise DataError(
                "a column without a name",
                text=head,
                line=head_number,
                span=span,
                file=file,
                hint="the first line names the columns: x_1,x_2,y",
            )
        if names.count(name) > 1:
            raise DataError(f"the column {name} stands twice", text=head, line=head_number, span=span, file=file)
        if _is_number(name):
            raise DataError(
                f"the first line holds {name}, a number, where a name should stand",
                text=head,
                line=head_number,
                span=span,
                file=file,
                hint="the first line names the columns: x_1,x_2,y",
            )
    if len(rows) == 1:
        raise DataError("there are names, but no rows of numbers", text=head, line=head_number, file=file)
    table = np.empty((len(names), len(rows) - 1))
    for position, (number, line) in enumerate(rows[1:]):
        cells = _cells(line, separator)
        if len(cells) != len(names):
            raise DataError(
                f"{len(cells)} numbers for {len(names)} columns",
                text=line,
                line=number,
                file=file,
                span=cells[min(len(cells), len(names)) - 1][1],
                hint=f"the columns are {', '.join(names)}",
            )
        for name, (cell, span), column in zip(names, cells, table, strict=True):
            try:
                column[position] = float(cell)
            except ValueError:
                raise DataError(
                    f"{name}: {cell!r} is not a number" if cell else f"{name}: a number is missing",
                    text=line,
                    line=number,
                    span=span,
                    file=file,
                ) from None
            if not np.isfinite(column[position]):
                raise DataError(f"{name}: {cell} is not a finite number", text=line, line=number, span=span, file=file)
    return dict(zip(names, table, strict=True))


def _cells(line: str, separator: str) -> list[tuple[str, tuple[int, int]]]:
    """The cells of a line without their quotes, and where they stand."""
    if '"' in line:  # a quoted header such as "X[1,2]"
        parsed = next(csv.reader(io.StringIO(line), delimiter=separator, skipinitialspace=True))
        found: list[tuple[str, tuple[int, int]]] = []
        at = 0
        for cell in parsed:
            start = max(line.find(cell, at), at)
            found.append((cell.strip(), (start, start + len(cell))))
            at = start + len(cell)
        return found
    found = []
    at = 0
    for cell in line.split(separator):
        start = at + len(cell) - len(cell.lstrip())
        found.append((cell.strip(), (start, start + max(1, len(cell.strip())))))
        at += len(cell) + 1
    return found


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


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
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read: {error}", hint="give a UTF-8 text file, or NPZ") from None


# -- writing -----------------------------------------------------------------------------------------------
@contextmanager
def whole_file(path: str | Path) -> Generator[IO[bytes]]:
    """A file that appears under its name only when everything is written.

    Raises:
        DataError: the folder is missing or cannot be written.
    """
    path = Path(path)
    if path.is_dir():
        raise DataError(f"{path} cannot be written: it is a folder")
    if path.exists() and not path.is_file():  # a device or a pipe, such as /dev/null: never replaced
        try:
            with open(path, "wb") as stream:
                yield stream
        except OSError as error:
            raise DataError(f"{path} cannot be written: {error.strerror or error}") from None
        return
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise DataError(f"{path} cannot be written: {error.strerror}") from None
    try:
        with open(handle, "wb") as stream:
            yield stream
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    except OSError as error:
        raise DataError(f"{path} cannot be written: {error.strerror or error}") from None
    finally:
        Path(temporary).unlink(missing_ok=True)


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
