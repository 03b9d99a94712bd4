"""The package as its users get it: a wheel built from the sdist, installed where there is no checkout."""

import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path
from typing import NamedTuple

import pytest

CHECKOUT = Path(__file__).parents[1]


def run(*command: str | Path, cwd: Path) -> str:
    """The command's standard output, as seen by a stranger: no PYTHONPATH, another working directory."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        command, cwd=cwd, env=environment | {"PYTHONUTF8": "1"}, capture_output=True, encoding="utf-8"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def files_of(folder: str) -> set[str]:
    """Every file of a folder of the checkout, relative to the checkout, except Python's own droppings."""
    found = (path.relative_to(CHECKOUT) for path in (CHECKOUT / folder).rglob("*") if path.is_file())
    return {path.as_posix() for path in found if "__pycache__" not in path.parts}


class Built(NamedTuple):
    sdist: Path
    wheel: Path
    scripts: Path
    elsewhere: Path


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder = tmp_path_factory.mktemp("packaging")
    dist, fresh, elsewhere = folder / "dist", folder / "venv", folder / "elsewhere"
    elsewhere.mkdir()
    run(sys.executable, "-m", "build", "--outdir", dist, CHECKOUT, cwd=elsewhere)  # the wheel from the sdist
    (sdist,), (wheel,) = dist.glob("*.tar.gz"), dist.glob("*.whl")
    venv.create(fresh)
    python = fresh / "bin/python"
    run(sys.executable, "-m", "pip", "--python", python, "install", "--quiet", wheel, cwd=elsewhere)
    return Built(sdist, wheel, fresh / "bin", elsewhere)


@pytest.mark.slow
@pytest.mark.xdist_group("packaging")  # one worker, so that it is built once
class TestBuilt:
    def test_the_wheel_carries_what_the_program_reads(self, built: Built):
        with zipfile.ZipFile(built.wheel) as wheel:
            files = {name for name in wheel.namelist() if ".dist-info/" not in name}
        templates = {f"symbackprop/{path}" for path in files_of("templates")}
        assert templates
        assert "symbackprop/py.typed" in files
        assert files == files_of("symbackprop") | templates

    def test_the_sdist_carries_the_tests_and_nothing_made(self, built: Built):
        with tarfile.open(built.sdist) as sdist:
            files = {name.partition("/")[2] for name in sdist.getnames()}
        assert {"pyproject.toml", "README.md", "LICENSE", "tests/test_packaging.py"} <= files
        assert not [name for name in files if "__pycache__" in name or name.startswith((".venv", "outputs"))]

    def test_the_installed_package_is_imported(self, built: Built):
        program = "import symbackprop; print(symbackprop.__file__)"
        where = run(built.scripts / "python", "-c", program, cwd=built.elsewhere)
        assert Path(where.strip()).is_relative_to(built.scripts.parent)

    def test_a_sheet_is_derived_away_from_the_checkout(self, built: Built):
        sheet = run(built.scripts / "symbackprop", "derive", "two-two-one", cwd=built.elsewhere)
        assert r"\frac{\partial E}{\partial w_{12}}" in sheet
        program = "from symbackprop.cli import main; main()"
        assert sheet == run(sys.executable, "-c", program, "derive", "two-two-one", cwd=CHECKOUT)


def test_help_answers_without_importing_sympy():
    program = """if True:
        import sys
        from symbackprop.cli import main
        sys.argv = ["symbackprop", "--help"]
        try:
            main()
        except SystemExit as end:
            assert not end.code, end.code
        assert "sympy" not in sys.modules, "symbackprop --help imports SymPy"
    """
    assert "derive" in run(sys.executable, "-c", program, cwd=CHECKOUT)
