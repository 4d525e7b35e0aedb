"""The walls of docs/architecture.md as functions over a checkout: each gives the breaches it sees, one sentence each.

They take the checkout's folder, so that a test can plant a breach in a copy and see it found.
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

LONGEST = 400
"""Lines that a file may have."""

VENDORS = (
    "anthropic azure bedrock cerebras cohere dashscope deepseek gemini groq huggingface llamacpp mistral moonshot "
    "ollama openai openrouter perplexity qwen together vertex xai zhipu ark minimax siliconflow qianfan hunyuan "
    "fireworks vllm lmstudio"
).split()
"""Vendors with recordings or named by the design; the rows of vendors.toml are added to them."""

NO_NAMES = {"chat", "compatible", "completions", "default", "echo", "invoke", "native", "server"}
"""Parts of row names that are ordinary words."""

KEPT_CLEAR = ("tornadogw/dialects/",)
"""Folders of the core that may name whose dialect they speak."""


def python_files(root: Path, *folders: str) -> Iterator[tuple[str, Path]]:
    """Each Python file below the folders, with its path as the breaches name it."""
    for folder in folders:
        for path in sorted((root / folder).rglob("*.py")):
            name = path.relative_to(root).as_posix()
            if "/build/" not in name:
                yield name, path


def imports(path: Path, name: str) -> Iterator[tuple[int, str, tuple[str, ...]]]:
    """Each import wherever it stands: line, absolute module, imported names."""
    package = name.removesuffix(".py").removesuffix("/__init__").split("/")
    if not name.endswith("__init__.py"):
        package = package[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name, ()
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            yield (
                node.lineno,
                ".".join([*base, *([node.module] if node.module else [])]),
                tuple(a.name for a in node.names),
            )


def plugins_behind_the_front_door(root: Path) -> list[str]:
    """Plugins import `tornadogw` and `tornadogw.testing`, and nothing deeper."""
    found = []
    for name, path in python_files(root, "plugins"):
        for line, module, names in imports(path, name):
            door = module in {"tornadogw", "tornadogw.testing"}
            room = module == "tornadogw" and any((root / "tornadogw" / f"{n}.py").exists() for n in names)
            if (module.startswith("tornadogw.") and not door) or room:
                found.append(f"{name}:{line} imports a room, {module}")
    return found


def core_inside_the_house(root: Path) -> list[str]:
    """The core imports rooms, never the front door that plugins use."""
    found = []
    for name, path in python_files(root, "tornadogw"):
        if name == "tornadogw/__init__.py":
            continue
        for line, module, names in imports(path, name):
            rooms = all((root / "tornadogw" / n).is_dir() or (root / f"tornadogw/{n}.py").exists() for n in names)
            if module == "tornadogw" and not (names and rooms):
                found.append(f"{name}:{line} imports the front door")
    return found


def vendor_names(root: Path) -> list[str]:
    """No vendor's name in the core's code, not even in a comment; data may name them."""
    names = set(VENDORS)
    rows = root / "tornadogw/data/vendors.toml"
    if rows.exists():
        names |= {part for row in tomllib.loads(rows.read_text(encoding="utf-8")) for part in row.lower().split("-")}
    # A long name is unmistakable inside a word too; a short one may be part of an innocent word.
    long = sorted(name for name in names - NO_NAMES if len(name) >= 6)
    short = sorted(name for name in names - NO_NAMES if 3 <= len(name) < 6)
    pattern = re.compile(f"{'|'.join(long)}|(?<![a-z])(?:{'|'.join(short)})(?![a-z])", re.IGNORECASE)
    found = []
    for name, path in python_files(root, "tornadogw"):
        if name.startswith(KEPT_CLEAR):
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            found += [f"{name}:{number} names {match.group().lower()}" for match in pattern.finditer(line)]
    return found


def long_files(root: Path) -> list[str]:
    """A file above the limit does two things."""
    found = []
    for name, path in python_files(root, "tornadogw", "plugins", "tests", "bench", ".ci"):
        count = len(path.read_text(encoding="utf-8").splitlines())
        if count > LONGEST:
            found.append(f"{name} has {count} lines")
    return found


def untested_rooms(root: Path) -> list[str]:
    """Each room has its test file: `tornadogw/a/b.py` has `tests/a/test_b.py`; a package's front may be `test_a.py`."""
    found = []
    for name, path in python_files(root, "tornadogw"):
        place = Path(name).relative_to("tornadogw")
        if place.name == "__init__.py":
            package = place.parent
            if package == Path() or not defines_something(path):
                continue
            homes = [f"tests/{package}/test_{stem}.py" for stem in ("init", package.name)] + [
                f"tests/test_{package}.py"
            ]
        else:
            homes = [f"tests/{place.parent / ('test_' + place.stem.strip('_'))}.py"]
        if not any((root / home).exists() for home in homes):
            found.append(f"{name} has no {homes[0]}")
    return found


def defines_something(path: Path) -> bool:
    """A file with a function or class of its own, not only imports."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return any(isinstance(node, kinds) for node in ast.parse(path.read_text(encoding="utf-8")).body)


def rooms_without_a_word(root: Path) -> list[str]:
    """Each file begins by saying what it is for, and its annotations cost nothing at run time."""
    found = []
    for name, path in python_files(root, "tornadogw", "plugins"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if not ast.get_docstring(tree):
            found.append(f"{name} has no docstring")
        future = any(isinstance(node, ast.ImportFrom) and node.module == "__future__" for node in tree.body)
        if len(tree.body) > 1 and not future:
            found.append(f"{name} lacks `from __future__ import annotations`")
    return found


def careless_exports(root: Path) -> list[str]:
    """`__all__` is sorted, names only what is there, and names all that other rooms take."""
    exported: dict[str, list[str]] = {}
    found = []
    for name, path in python_files(root, "tornadogw"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = next((given for node in tree.body if (given := _all(node)) is not None), None)
        if names is None:
            continue
        exported[_module(name)] = names
        if names != sorted(names, key=_rank):
            found.append(f"{name}: __all__ is not sorted")
        found += [f"{name}: __all__ names {each}, which is not there" for each in names if each not in _top_names(tree)]
    for name, path in python_files(root, "tornadogw"):
        for line, module, names in imports(path, name):
            for each in names:
                if each not in exported.get(module, [each]) and f"{module}.{each}" not in exported:
                    found.append(f"{name}:{line} takes {each}, which {module} does not export")
    return found


def _module(name: str) -> str:
    return name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _rank(name: str) -> tuple[int, str]:
    """Constants, classes, functions, each by name: the order of ruff."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2), name


def _all(node: ast.stmt) -> list[str] | None:
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "__all__":
        return list(ast.literal_eval(node.value))
    return None


def _top_names(tree: ast.Module) -> set[str]:
    names: set[str] = set()
    guarded = [inner for node in tree.body if isinstance(node, ast.If) for inner in node.body]
    for node in [*tree.body, *guarded]:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names |= {alias.asname or alias.name for alias in node.names}
    return names
