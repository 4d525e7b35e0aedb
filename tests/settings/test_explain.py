from __future__ import annotations

import json

from tornadogw.settings.schema import keys
from tornadogw.settings.tables import Settings

TEXT = """
[server]
secret = "pepper-1"
[mongo]
url = "env:MONGO"
[plugin.log]
api_key = "pepper-2"
rules = [{ name = "a" }]
[[upstreams]]
name = "a"
vendor = "v"
keys = ["env:KEY", "pepper-3"]
proxy = "http://me:pepper-4@proxy:1"
options = { region = "eu", secret_key = "pepper-5", nested = { token = "pepper-6" } }
"""
ENVIRON = {"MONGO": "mongodb://me:pepper-7@db", "TORNADOGW_LIMITS__IP_PER_MINUTE": "7"}


def explained(loaded, text=TEXT):
    read = loaded(text, ENVIRON, {"server.port": 9})
    return {line.key: line for line in read.explain()}


def test_every_single_setting_is_there(loaded):
    single = {key for key, _ in keys(Settings) if "[" not in key} - {"plugin"}
    assert single <= explained(loaded).keys()
    assert {"upstreams", "models"} <= explained(loaded, "").keys()


def test_values_and_origins(loaded, tmp_path):
    lines = explained(loaded)
    place = f"{tmp_path}/settings.toml"

    def seen(key):
        return lines[key].value_masked, lines[key].origin

    assert seen("server.port") == (9, "flag --port")
    assert seen("server.host") == ("127.0.0.1", "default")
    assert seen("limits.ip_per_minute") == (7, "env TORNADOGW_LIMITS__IP_PER_MINUTE")
    assert seen("upstreams[0].name") == ("a", f"{place}:10")
    assert seen("upstreams[0].weight") == (1, "default")
    assert seen("upstreams[0].options.region") == ("eu", f"{place}:14")
    assert seen("plugin.log.rules") == ([{"name": "a"}], f"{place}:8")
    assert seen("timeouts.idle") == (25.0, "default")
    assert "upstreams[0].base_url" not in lines
    assert lines["server.port"].help == "Port to listen on; 0 takes a free one."


def test_secrets_are_masked_and_references_are_not(loaded):
    lines = explained(loaded)
    assert "pepper" not in json.dumps([line.value_masked for line in lines.values()])
    assert "pepper" not in repr(lines)
    assert lines["server.secret"].value_masked == "****"
    assert lines["mongo.url"].value_masked == "env:MONGO"
    assert lines["upstreams[0].keys"].value_masked == ["env:KEY", "****"]
    assert lines["upstreams[0].proxy"].value_masked == "http://****@proxy:1"
    assert lines["upstreams[0].options.nested.token"].value_masked == "****"
    assert lines["plugin.log.api_key"].value_masked == "****"


def test_values_that_json_does_not_know(loaded):
    lines = explained(loaded, "[plugin.x]\nday = 2026-01-02")
    assert lines["plugin.x.day"].value_masked == "2026-01-02"
