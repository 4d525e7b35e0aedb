"""Each package of `plugins/` alone: installed beside the core's wheel, its suite run, removed; for `tox -e plugins`."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path


def main(root: Path) -> None:
    """Take the packages one by one; none may lean on another."""
    packages = sorted(path.parent for path in (root / "plugins").glob("*/setup.py"))
    if not packages:
        sys.exit("plugins: no package found")
    for package in packages:
        try_alone(package, root / "pytest.ini")


def try_alone(package: Path, config: Path) -> None:
    """Work on a copy: building writes beside the source, and the source must be out of reach of its tests."""
    here = Path.cwd() / package.name
    shutil.rmtree(here, ignore_errors=True)
    shutil.copytree(package, here, ignore=shutil.ignore_patterns("build", "*.egg-info", "__pycache__"))
    name = python("setup.py", "--name", cwd=here, quiet=True)
    print(f"plugins: {name}", flush=True)
    python("-m", "pip", "install", "-q", "--no-build-isolation", ".", cwd=here)
    # `pythonpath` of the suite's settings would put the source tree within reach again.
    options = ("-q", "-n", "2", "-c", str(config), "-o", "pythonpath=", "--rootdir", str(here))
    python("-I", "-m", "pytest", *options, "tests", cwd=here)
    python("-m", "pip", "uninstall", "-q", "-y", name, cwd=here)


def python(*arguments: str, cwd: Path, quiet: bool = False) -> str:
    """Run this interpreter; its exit code must be 0."""
    done = subprocess.run(
        [sys.executable, *arguments], cwd=cwd, check=True, text=True, stdout=subprocess.PIPE if quiet else None
    )
    return (done.stdout or "").strip().rpartition("\n")[2]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
