"""The gateway's own plugins, seen as any plugin is."""

from __future__ import annotations

import pytest

from tornadogw.errors import SettingsError, UsageError
from tornadogw.plugins import load_plugins
from tornadogw.settings import load
from tornadogw.vendors.builtin import BuiltInEcho, Rows, RowsSettings


def vendors_of(register, **arguments):
    found = []
    register(register=found.append, **arguments)
    return [vendor.name for vendor in found]


def test_rows_are_vendors():
    names = vendors_of(Rows().gw_register_vendors, settings=RowsSettings())
    assert len(names) > 20
    assert "echo" not in names


def test_echo_is_a_vendor():
    assert vendors_of(BuiltInEcho().gw_register_vendors) == ["echo"]


def gateway(tmp_path, settings):
    (tmp_path / "settings.toml").write_text(settings)
    return load_plugins(load(tmp_path / "settings.toml", tmp_path, {}, {}), {}, points=())


def test_the_operators_own_rows(tmp_path):
    vendors = gateway(
        tmp_path, '[plugin.rows.vendors.acme]\nbase_url = "https://api.acme.test/v1"\n'
    ).register_vendors()
    assert vendors["acme"].base_url == "https://api.acme.test/v1"


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (
            '[plugin.rows.vendors.acme]\nbase_ulr = "x"\n',
            r"plugin rows \(built in\): .*vendors.acme.base_ulr: .*base_url",
        ),
        ("[plugin.rows.vendors]\nacme = 1\n", "acme"),
        ("[plugin.rows.vendor.acme]\n", "vendor"),
    ],
)
def test_a_wrong_row_stops_the_start(settings, sentence, tmp_path):
    with pytest.raises((SettingsError, UsageError), match=sentence):
        gateway(tmp_path, settings).register_vendors()
