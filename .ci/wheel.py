"""What the built wheel holds, seen from an environment that has nothing but it: run by `tox -e wheel`."""

from __future__ import annotations

import importlib
import pkgutil
import shutil
import subprocess
import sys
import warnings
from importlib import metadata, resources
from pathlib import Path

SAMPLE = (
    "cli/test_serve.py",
    "cli/test_usage.py",
    "settings/test_loading.py",
    "test_plugins.py",
    "vendors/test_builtin.py",
    "vendors/test_rows.py",
)
"""Tests that run against the installed wheel: the command line, data files, the built-in vendors, the plugins' door."""

WITH_AN_EXTRA = {"tornadogw.id_tokens": "joserfc", "tornadogw.tracing": "opentelemetry"}
"""Rooms that nobody imports but who has installed an extra, and what they lack without it."""


def main(root: Path) -> None:
    """Run each check; the first that fails ends the run with its sentence."""
    only_the_package()
    every_room_imports()
    data_is_there(root)
    command_answers()
    sample_passes(root)


def only_the_package() -> None:
    """Nothing but `tornadogw` lands in site-packages: no tests, settings, plugins."""
    tops = {file.parts[0] for file in metadata.files("tornadogw") or ()}
    strangers = {top for top in tops if top not in {"tornadogw", ".."} and not top.endswith(".dist-info")}
    require(not strangers, f"the wheel also installs {sorted(strangers)}")


def every_room_imports() -> None:
    """Each module imports, without a warning, from the wheel and not from a source tree."""
    warnings.simplefilter("error")
    package = importlib.import_module("tornadogw")
    require("site-packages" in (package.__file__ or ""), f"imported from {package.__file__}, not from the wheel")
    rooms = [room.name for room in pkgutil.walk_packages(package.__path__, "tornadogw.") if "__main__" not in room.name]
    for room in rooms:
        if room not in WITH_AN_EXTRA:
            importlib.import_module(room)
    print(f"wheel: {len(rooms) - len(WITH_AN_EXTRA)} modules import")
    for room, library in WITH_AN_EXTRA.items():
        try:
            importlib.import_module(room)
        except ModuleNotFoundError as error:
            require(error.name is not None and error.name.startswith(library), f"{room} lacks {error.name}")
        else:
            require(False, f"{room} imports, although its extra is not installed: {library} came with something else")


def data_is_there(root: Path) -> None:
    """Each data file of the source tree is in the wheel."""
    source = {path.name for path in (root / "tornadogw/data").iterdir() if path.suffix == ".toml"} | {"py.typed"}
    installed = resources.files("tornadogw")
    found = {item.name for item in (*installed.iterdir(), *installed.joinpath("data").iterdir())}
    require(source <= found, f"missing in the wheel: {sorted(source - found)}")
    parts = ("templates", "static", "locale")
    folders = [root / "tornadogw/portal" / part for part in parts]
    pages = [path.relative_to(root / "tornadogw") for folder in folders for path in folder.iterdir()]
    missing = [str(path) for path in pages if not installed.joinpath(*path.parts).is_file()]
    require(bool(pages) and not missing, f"missing in the wheel: {missing}")
    print(f"wheel: {len(source) + len(pages)} data files")


def command_answers() -> None:
    """The console script is installed and tells its commands."""
    done = subprocess.run(
        [Path(sys.executable).parent / "tornadogw", "--help"], capture_output=True, text=True, check=True
    )
    require("serve" in done.stdout, f"`tornadogw --help` says:\n{done.stdout}")
    print("wheel: tornadogw --help")


def sample_passes(root: Path) -> None:
    """A sample of the suite passes on a copy, so that no source is within reach."""
    here = Path.cwd() / "sample"
    shutil.rmtree(here, ignore_errors=True)
    here.mkdir()
    shutil.copytree(root / "tests", here / "tests", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(root / "settings", here / "settings")
    shutil.copy(root / "pytest.ini", here)
    files = [f"tests/{name}" for name in SAMPLE]
    subprocess.run([sys.executable, "-I", "-m", "pytest", "-q", "-n", "auto", *files], cwd=here, check=True)


def require(condition: bool, sentence: str) -> None:
    """Stop with the sentence unless the condition holds."""
    if not condition:
        sys.exit(f"wheel: {sentence}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
