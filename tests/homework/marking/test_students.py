"""Finding students in files, folders and ZIP files, and reading what they handed in."""

from __future__ import annotations

import io
import os
import struct
import zipfile
from contextlib import ExitStack
from pathlib import Path

import pytest

from symbackprop.errors import DataError
from symbackprop.homework.marking import sources
from symbackprop.homework.marking.sources import Budget, Handed, member_source
from symbackprop.homework.marking.students import find_students


def found(*places: str | Path, leave_out: tuple[str, ...] = ()) -> dict[str, tuple[Handed, ...]]:
    with ExitStack() as stack:
        return {s.name: s.read() for s in find_students([str(p) for p in places], stack, leave_out)}


def shape(students: dict[str, tuple[Handed, ...]]) -> dict[str, list[str]]:
    return {name: [handed.label for handed in files] for name, files in students.items()}


def archive(path: Path, members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return path


def test_a_file_is_one_student(tmp_path: Path) -> None:
    (tmp_path / "ann.txt").write_text("dE/dw = 1")
    assert found(tmp_path / "ann.txt") == {"ann.txt": (Handed(str(tmp_path / "ann.txt"), "dE/dw = 1"),)}


def test_files_of_a_folder_in_natural_order(tmp_path: Path) -> None:
    for name in ("s10.md", "s9.tex", "s1.py", "S2.txt"):
        (tmp_path / name).write_text("x = 1")
    assert list(found(tmp_path)) == ["s1.py", "S2.txt", "s9.tex", "s10.md"]


def test_in_a_folder_of_folders_a_folder_is_one_student(tmp_path: Path) -> None:
    for name in ("ann/1.md", "ann/deep/2.tex", "bob/all.txt", "bob/photo.png", "carl.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x = 1")
    assert shape(found(tmp_path)) == {
        "ann": ["ann/1.md", "ann/deep/2.tex"],
        "bob": ["bob/all.txt"],
        "carl.md": ["carl.md"],
    }


def test_the_same_from_a_zip_file_with_or_without_its_folder(tmp_path: Path) -> None:
    members = {"ann/1.md": b"x = 1", "ann/2.tex": b"x = 1", "bob.txt": b"x = 1"}
    flat = archive(tmp_path / "flat.zip", members)
    nested = archive(tmp_path / "nested.zip", {f"homework/{n}": c for n, c in members.items()})
    assert shape(found(flat)) == shape(found(nested)) == {"ann": ["ann/1.md", "ann/2.tex"], "bob.txt": ["bob.txt"]}


def test_a_zip_file_in_a_folder_is_one_student(tmp_path: Path) -> None:
    archive(tmp_path / "ann.zip", {"work/1.md": b"x = 1", "work/2.md": b"x = 2"})
    (tmp_path / "bob.md").write_text("x = 3")
    (tmp_path / "carl.zip").write_bytes(b"no archive")
    students = found(tmp_path)
    assert shape(students) == {
        "ann.zip": ["ann.zip/1.md", "ann.zip/2.md"],
        "bob.md": ["bob.md"],
        "carl.zip": ["carl.zip"],
    }
    assert [handed.text for handed in students["ann.zip"]] == ["x = 1", "x = 2"]
    assert students["carl.zip"][0].problem == "damaged"


def test_what_operating_systems_leave_behind_is_passed_over(tmp_path: Path) -> None:
    path = archive(
        tmp_path / "a.zip",
        {"__MACOSX/._ann.md": b"\0\1", "ann.md": b"x = 1", ".DS_Store": b"\0", "Thumbs.db": b"\0", "~$ann.md": b"\0"},
    )
    assert shape(found(path)) == {"ann.md": ["ann.md"]}


def test_our_own_files_are_no_answers(tmp_path: Path) -> None:
    for name in ("ann.md", "net.md", "report.md"):
        (tmp_path / name).write_text("x = 1")
    own = (str(tmp_path / "net.md"), str(tmp_path / "sub" / ".." / "report.md"))
    (tmp_path / "sub").mkdir()
    assert list(found(tmp_path, leave_out=own)) == ["ann.md"]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "empty"),
        (b" \n\t\r\n", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        (b"\xff\xfed\x00E\x00", "encoding"),
        ("naïve".encode("latin-1"), "encoding"),
        (b"dE/dw = 1\0", "binary"),
        (b"x = 1\n" * 200_000, "large"),
    ],
)
def test_what_cannot_be_read_is_said(tmp_path: Path, content: bytes, problem: str) -> None:
    (tmp_path / "ann.txt").write_bytes(content)
    (tmp_path / "bob.txt").write_bytes(b"x = 1")
    students = found(tmp_path)
    assert students["ann.txt"] == (Handed("ann.txt", "", problem),)  # type: ignore[arg-type]
    assert students["bob.txt"][0].text == "x = 1"
    assert found(archive(tmp_path / "all.zip", {"ann.txt": content}))["ann.txt"][0].problem == problem


def test_a_file_of_another_kind_is_said(tmp_path: Path) -> None:
    (tmp_path / "ann.pdf").write_bytes(b"%PDF")
    assert found(tmp_path)["ann.pdf"][0].problem == "kind"


def test_links_in_folders_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x = 1")
    folder = tmp_path / "answers"
    folder.mkdir()
    (folder / "ann.md").symlink_to(tmp_path / "secret")
    os.mkfifo(folder / "bob.md")
    assert {name: files[0].problem for name, files in found(folder).items()} == {"ann.md": "link", "bob.md": "link"}


def test_names_in_a_zip_file_are_only_labels(tmp_path: Path) -> None:
    members = {"../../ann.md": b"x = 1", "/etc/bob.md": b"x = 1", "c:\\x\\carl.md": b"x = 1", "a\x1b[2Jb.md": b"x = 1"}
    before = sorted(tmp_path.rglob("*"))
    path = archive(tmp_path / "a.zip", members)
    assert shape(found(path)) == {
        "ann.md": ["ann.md"],
        "a\ufffd[2Jb.md": ["a\ufffd[2Jb.md"],
        "c:": ["c:/x/carl.md"],
        "etc": ["etc/bob.md"],
    }
    assert sorted(tmp_path.rglob("*")) == sorted([*before, path])


def test_a_zip_bomb_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = archive(tmp_path / "bomb.zip", {f"{n}.md": b"0" * 20_000_000 for n in range(3)} | {"z.md": b"x = 1"})
    assert [files[0].problem for files in found(bomb).values()] == ["large", "large", "large", None]
    monkeypatch.setattr(sources, "LARGEST_FILE", 10)
    with zipfile.ZipFile(bomb) as opened:
        budget = Budget(25)
        taken = [member_source(opened, member, "a.md", budget).read() for member in opened.infolist()]
    assert [handed.problem for handed in taken] == ["large", "large", "large", "large"]
    assert budget.left < 0


def test_a_size_that_lies(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.zip", {"ann.md": b"dE/dw = 1 + 1"})
    content = path.read_bytes()
    at = content.index(b"PK\1\2") + 24
    path.write_bytes(content[:at] + struct.pack("<I", 3) + content[at + 4 :])
    assert found(path)["ann.md"][0].problem == "damaged"


def test_encrypted_and_strange_members(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.zip", {"ann.md": b"x = 1"}, zipfile.ZIP_STORED)
    content = bytearray(path.read_bytes())
    for mark, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        content[content.index(mark) + offset] |= 1
    path.write_bytes(content)
    assert found(path)["ann.md"][0].problem == "encrypted"
    inner = io.BytesIO()
    zipfile.ZipFile(inner, "w").close()
    strange = archive(tmp_path / "b.zip", {"ann.md": b"x = 1"}, zipfile.ZIP_LZMA)
    assert found(strange)["ann.md"][0].problem == "archive"
    nested = archive(tmp_path / "c.zip", {"ann.zip": inner.getvalue()})
    assert found(nested)["ann.zip"][0].problem == "archive"


def test_names_in_utf8_that_nobody_declared(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.zip", {"学生.md": b"x = 1"})
    content = bytearray(path.read_bytes())
    for mark, offset in ((b"PK\3\4", 7), (b"PK\1\2", 9)):
        content[content.index(mark) + offset] &= ~0x08
    path.write_bytes(content)
    assert list(found(path)) == ["学生.md"]


def test_students_of_the_same_name_are_told_apart(tmp_path: Path) -> None:
    for group in ("a", "b"):
        (tmp_path / group).mkdir()
        (tmp_path / group / "ann.md").write_text("x = 1")
    assert list(found(tmp_path / "a", tmp_path / "b")) == [f"{tmp_path}/a/ann.md", f"{tmp_path}/b/ann.md"]
    assert list(found(tmp_path / "a" / "ann.md", tmp_path / "b")) == [f"{tmp_path}/a/ann.md", f"{tmp_path}/b/ann.md"]
    assert list(found(*[tmp_path / "a" / "ann.md"] * 2)) == [f"{tmp_path}/a/ann.md", f"{tmp_path}/a/ann.md (2)"]


@pytest.mark.parametrize("name", ["nothing", "nothing.zip", "empty", "broken.zip", "empty.zip"])
def test_places_without_answers_are_errors(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken.zip").write_bytes(b"PK\3\4 broken")
    archive(tmp_path / "empty.zip", {})
    with pytest.raises(DataError) as caught:
        found(tmp_path / name)
    assert name in str(caught.value)
