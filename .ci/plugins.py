"""Each package of `plugins/` alone: installed beside the core's wheel in an environment of its own, and its suite run;
for `tox -e plugins`. As many at a time as there are cores.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path


def main(root: Path) -> None:
    """None may lean on another: an environment sees the core's, and its own package."""
    packages = sorted((path.parent for path in (root / "plugins").glob("*/setup.py")), key=_tests, reverse=True)
    if not packages:
        sys.exit("plugins: no package found")
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        failed = [name for name in pool.map(lambda package: try_alone(package, root / "pytest.ini"), packages) if name]
    if failed:
        sys.exit(f"plugins: {', '.join(failed)} failed, see above")


def _tests(package: Path) -> int:
    """Bytes of its tests: the longest suite begins first, so that nobody waits for it at the end."""
    return sum(file.stat().st_size for file in package.glob("tests/*.py"))


def try_alone(package: Path, config: Path) -> str:
    """Its name if something failed. A copy is installed: building writes beside the source, and the source must be out
    of reach of its tests.
    """
    here = Path.cwd() / package.name
    shutil.rmtree(here, ignore_errors=True)
    shutil.copytree(package, here, ignore=shutil.ignore_patterns("build", "*.egg-info", "__pycache__"))
    python = environment(here / ".venv")
    # `pythonpath` of the suite's settings would put the source tree within reach again.
    options = ("-q", "-c", str(config), "-o", "pythonpath=", "--rootdir", str(here))
    commands = (
        ("-m", "pip", "install", "-q", "--no-build-isolation", "."),
        ("-I", "-m", "pytest", *options, "tests"),
    )
    said = [f"plugins: {package.name}"]
    for command in commands:
        done = subprocess.run(
            [python, *command], cwd=here, check=False, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        said.append(done.stdout.strip())
        if done.returncode:
            break
    print("\n".join(said), flush=True)
    return package.name if done.returncode else ""


def environment(folder: Path) -> str:
    """Makes one that sees this interpreter's packages, too; the path of its interpreter."""
    venv.create(folder, symlinks=True)
    made = sysconfig.get_path("purelib", "venv", {"base": str(folder), "platbase": str(folder)})
    Path(made, "the_core.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return str(folder / "bin" / "python")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
