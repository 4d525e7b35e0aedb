"""Layers and walls between the rooms, each seen to fail on a planted breach."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.contract import walls


def lint_imports(root: Path) -> subprocess.CompletedProcess[str]:
    script = Path(sys.executable).parent / "lint-imports"
    environment = {**os.environ, "COLUMNS": "400", "PYTHONPATH": str(root)}
    return subprocess.run(
        [script, "--no-cache", "--no-logo"],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_contracts_are_kept(root):
    done = lint_imports(root)
    assert done.returncode == 0, done.stdout


BREACHES = {
    "plain import": ("layers", "tornadogw/pricing.py", "from tornadogw.router import Router\n"),
    "import inside a function": ("layers", "tornadogw/meter.py", "def late():\n    import tornadogw.exchange\n"),
    "import for types only": (
        "layers",
        "tornadogw/framing.py",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from tornadogw.ledger import Ledger\n",
    ),
    "side by side": ("layers", "tornadogw/types.py", "import tornadogw.errors\n"),
    "a room nobody placed": ("layers", "tornadogw/misc.py", '"""Misc."""\n'),
    "a cycle": ("no cycles", "tornadogw/settings/tables.py", "import tornadogw.settings.loading\n"),
    "the test kit": ("the test kit is for plugins", "tornadogw/exchange.py", "import tornadogw.testing\n"),
    "pluggy": ("pluggy is the door", "tornadogw/catalogue.py", "def late():\n    import pluggy\n"),
    "motor": (
        "only store/mongo* knows the driver",
        "tornadogw/ledger.py",
        "from motor.motor_tornado import MotorClient\n",
    ),
    "pymongo": ("only store/mongo* knows the driver", "tornadogw/accounts/keys.py", "import pymongo.errors\n"),
    "bson": ("only store/mongo* knows the driver", "tornadogw/store/ports.py", "from bson import ObjectId\n"),
    "tornado": ("only the edges know tornado", "tornadogw/router.py", "from tornado import gen\n"),
    "prometheus": (
        "only metrics knows prometheus_client",
        "tornadogw/gateway.py",
        "def late():\n    from prometheus_client import REGISTRY\n",
    ),
    "opentelemetry": (
        "only tracing knows opentelemetry",
        "tornadogw/exchange.py",
        "def late():\n    from opentelemetry import trace\n",
    ),
    "joserfc": ("only id_tokens knows joserfc", "tornadogw/oidc.py", "def late():\n    from joserfc import jwt\n"),
    "click": ("only the command line knows click", "tornadogw/server/worker.py", "import click\n"),
}


@pytest.mark.parametrize("breach", BREACHES)
def test_a_breach_is_reported(breach, copy):
    contract, file, code = BREACHES[breach]
    with (copy / file).open("a", encoding="utf-8") as out:
        out.write(f"\n{code}")
    done = lint_imports(copy)
    assert done.returncode == 1, done.stdout
    assert f"\n{contract} BROKEN" in done.stdout, done.stdout


def test_plugins_import_only_the_front_door(root):
    assert walls.plugins_behind_the_front_door(root) == []


@pytest.mark.parametrize(
    "code",
    [
        "from tornadogw.types import Text",
        "import tornadogw.errors",
        "from tornadogw import vendor",
        "def late():\n    from tornadogw.settings import load",
        "if TYPE_CHECKING:\n    from tornadogw.plan import Plan",
    ],
)
def test_a_plugin_in_a_room_is_reported(code, copy, new):
    (copy / "plugins/sample").mkdir(parents=True, exist_ok=True)
    (copy / "plugins/sample/sample.py").write_text(f"{code}\n")
    assert len(new(walls.plugins_behind_the_front_door)) == 1


def test_the_core_never_uses_the_front_door(root):
    assert walls.core_inside_the_house(root) == []


@pytest.mark.parametrize(
    "code", ["from tornadogw import Text", "import tornadogw", "def late():\n    from tornadogw import hookimpl"]
)
def test_the_core_at_the_front_door_is_reported(code, copy, new):
    (copy / "tornadogw/pricing.py").write_text(f"{code}\n")
    assert len(new(walls.core_inside_the_house)) == 1
