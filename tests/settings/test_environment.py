from __future__ import annotations

import pytest

from tornadogw.errors import SettingsError
from tornadogw.settings.environment import from_environment, from_flags, variable
from tornadogw.settings.layers import Leaf, leaves, origins, plain


def test_variable():
    assert variable("server.port") == "TORNADOGW_SERVER__PORT"
    assert variable("plugin.call-log.path") == "TORNADOGW_PLUGIN__CALL_LOG__PATH"


def test_values_have_the_type_of_their_setting():
    environ = {
        "TORNADOGW_SERVER__PORT": "0",
        "TORNADOGW_SERVER__TRUSTED_PROXIES": "10.0.0.0/8, 192.168.0.0/16",
        "TORNADOGW_SERVER__CORS_ORIGINS": '["https://a", "https://b"]',
        "TORNADOGW_DEFAULTS__TEMPERATURE": "1",
        "TORNADOGW_MONGO__DATABASE": "123",
        "TORNADOGW_TIMEOUTS__IDLE": "40",
    }
    assert plain(from_environment(environ)) == {
        "server": {
            "port": 0,
            "trusted_proxies": ["10.0.0.0/8", "192.168.0.0/16"],
            "cors_origins": ["https://a", "https://b"],
        },
        "defaults": {"temperature": 1.0},
        "mongo": {"database": "123"},
        "timeouts": {"idle": 40.0},
    }


def test_lists_of_tables_are_one_value():
    tree = from_environment({"TORNADOGW_UPSTREAMS": '[{name = "a", vendor = "v", timeouts = {idle = 3}}]'})
    assert plain(tree) == {"upstreams": [{"name": "a", "vendor": "v", "timeouts": {"idle": 3}}]}
    assert origins(tree)["upstreams[0].timeouts.idle"] == "env TORNADOGW_UPSTREAMS"


def test_origins_name_the_variable():
    assert origins(from_environment({"TORNADOGW_SERVER__PORT": "1"}))["server.port"] == "env TORNADOGW_SERVER__PORT"


def test_other_variables_are_left_alone():
    names = ("TORNADOGW_RECORDINGS", "TORNADOGW_DATA", "TORNADOGW_SETTINGS", "PATH", "tornadogw_server__port")
    assert from_environment(dict.fromkeys(names, "x")) == {}


def test_unknown_settings_stay_for_the_check():
    tree = from_environment({"TORNADOGW_SERVER__PROT": "1", "TORNADOGW_SERVR__PORT": "2", "TORNADOGW_X____": "3"})
    assert plain(tree) == {"server": {"prot": "1"}, "servr": {"port": "2"}, "x": {"": {"": "3"}}}


def test_plugin_values_stay_text_until_their_type_is_known():
    ((key, leaf),) = leaves(from_environment({"TORNADOGW_PLUGIN__CALL_LOG__SIZE": "12"}))
    assert key == "plugin.call_log.size"
    assert leaf == Leaf("12", "env TORNADOGW_PLUGIN__CALL_LOG__SIZE", text=True)


@pytest.mark.parametrize(
    ("environ", "sentence"),
    [
        (["TORNADOGW_SERVER_PORT"], "TORNADOGW_SERVER_PORT: did you mean TORNADOGW_SERVER__PORT?"),
        (["TORNADOGW_LIMITS_IP_PER_MINUTE"], "did you mean TORNADOGW_LIMITS__IP_PER_MINUTE?"),
        (["TORNADOGW_SERVER"], "TORNADOGW_SERVER: server is a table; set one of its keys"),
        (
            ["TORNADOGW_PLUGIN__A", "TORNADOGW_PLUGIN__A__B"],
            "TORNADOGW_PLUGIN__A__B: a is set as one value and as a table",
        ),
    ],
)
def test_near_misses_are_told(environ, sentence):
    with pytest.raises(SettingsError) as caught:
        from_environment(dict.fromkeys(environ, "1"))
    assert sentence in str(caught.value)


def test_flags():
    tree = from_flags({"server.port": "9", "server.host": None, "server.workers": 2, "plugins.block": "a,b"})
    assert plain(tree) == {"server": {"port": 9, "workers": 2}, "plugins": {"block": ["a", "b"]}}
    assert origins(tree)["server.port"] == "flag --port"
    assert origins(from_flags({"limits.ip_per_minute": 1}))["limits.ip_per_minute"] == "flag --ip-per-minute"
