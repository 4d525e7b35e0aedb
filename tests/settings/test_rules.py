from __future__ import annotations

import zoneinfo

import pytest

from tornadogw.settings.rules import broken_rules
from tornadogw.settings.tables import Settings

UPSTREAM = '[[upstreams]]\nname = "deepseek"\nvendor = "deepseek"\n'
ROUTE = 'routes = [{ upstream = "deepseek", model = "x" }]\n'
MODEL = '[[models]]\nname = "chat"\nprice = { input = "1", output = "2" }\n' + ROUTE
PUBLIC = '[server]\npublic_url = "https://gw.example"\n'
SECOND = MODEL.replace('"chat"', '"other"')


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('[server]\nprefix = "xlei"', 'settings.toml:2: server.prefix must be a path such as "/xlei/v1"'),
        ('[server]\nprefix = "/xlei/"', "server.prefix must be"),
        ('[server]\nprefix = ""', "server.prefix must be"),
        ('[server]\nprefix = "/v1"', "server.prefix must be"),
        ('[server]\nprefix = "/admin/api"', "server.prefix must be"),
        ('[server]\npublic_url = "gateway.example"', "server.public_url must be an address"),
        ('[server]\npublic_url = "http://h:x"', "server.public_url must be an address"),
        (
            '[server]\ntrusted_proxies = ["10.0.0.0/8", "proxy"]',
            'addresses or networks such as "10.0.0.0/8", not "proxy"',
        ),
        ('[server]\ncors_origins = ["https://a.example/"]', 'not "https://a.example/"'),
        ('[server]\njson_clients = "("', "server.json_clients is no regular expression: missing )"),
        ('[server]\nsecret = "env:NONE"', "server.secret cannot be used: `env:NONE`"),
        ('[mongo]\nurl = "env:NONE"', "mongo.url cannot be used: `env:NONE`"),
        ('[mongo]\nurl = "db1:27017"', "mongo.url must begin with mongodb://"),
        ('[mongo]\nurl = "env:BAD_URL"', "mongo.url must begin with mongodb://"),
        ('[mongo]\ndatabase = "a.b"', "mongo.database must be"),
        ('[money]\ncurrency = "yuan"', "money.currency must be a three-letter code"),
        ('[money]\ntime_zone = "Asia/Shanghia"', 'no time zone; did you mean "Asia/Shanghai"?'),
        ('[money]\ntime_zone = ""', '"" is no time zone'),
        ('[money]\ntime_zone = "../etc/passwd"', "is no time zone"),
        (
            '[tracing]\nendpoint = "collector:4318"',
            "settings.toml:2: tracing.endpoint must begin with http:// or https",
        ),
        ('[tracing]\nauthorization = "env:NONE"', "tracing.authorization cannot be used: `env:NONE`"),
        (
            '[mail]\nhost = "smtp.example"\nsender = "a@b.example"',
            "mail.host needs `server.public_url`: mails have links to it",
        ),
        (
            '[server]\npublic_url = "https://gw.example"\n[mail]\nhost = "smtp.example"\nsender = "a\\r\\nb@c.example"',
            "settings.toml:5: mail.sender must be an e-mail address",
        ),
        ('[mail]\npassword = "env:NONE"', "mail.password cannot be used: `env:NONE`"),
        ('[oidc]\nclient_secret = "env:NONE"', "oidc.client_secret cannot be used: `env:NONE`"),
        (
            '[oidc]\nissuer = "https://login.example"\nclient_id = "gw"',
            "settings.toml:2: oidc.issuer needs `server.public_url`: the provider sends people back to it",
        ),
        (f'{PUBLIC}[oidc]\nissuer = "http://login.example"\nclient_id = "gw"', "plain http only on this machine"),
        (f'{PUBLIC}[oidc]\nissuer = "https://login.example"', "oidc.client_id is empty"),
        (f'{PUBLIC}[oidc]\nissuer = "http://[::1]:8"\nclient_id = "gw"\nscopes = "email"', "oidc.scopes must have"),
        (f'{PUBLIC}[oidc]\nissuer = "http://[::1]:8"\nclient_id = "gw"\nallow = ["@x.y"]', "oidc.allow must hold"),
        ('[metrics]\ntoken = "env:NONE"', "metrics.token cannot be used: `env:NONE`"),
        ('[metrics]\ntoken = "pw-of-15-chars-"', "settings.toml:2: metrics.token must be 16 characters at least"),
        ('[metrics]\ntoken = "pw of sixteen or more"', "metrics.token must be 16 characters at least"),
        (
            "[metrics]\nport = 65534\n[server]\nworkers = 3",
            "metrics.port must leave a port for each worker up to 65535",
        ),
        (UPSTREAM + UPSTREAM, 'settings.toml:5: upstreams[1].name "deepseek" is taken by another upstream'),
        (UPSTREAM.replace('"deepseek"', '"a b"', 1), "upstreams[0].name must be a name"),
        (UPSTREAM + 'base_url = "api.example"', 'upstreams[0].base_url must be an address such as "https://'),
        (UPSTREAM + 'proxy = "socks5://h:1"', "upstreams[0].proxy must be an HTTP proxy"),
        (UPSTREAM + 'keys = ["env:NONE"]\n' + MODEL, "upstreams[0].keys cannot be used: `env:NONE`"),
        (UPSTREAM + 'keys = ["file:/no/such"]\n' + MODEL, "upstreams[0].keys cannot be used: `file:/no/such`"),
        (UPSTREAM + 'keys = [""]\n' + MODEL, "upstreams[0].keys cannot be used: a key is empty"),
        (MODEL, 'settings.toml:4: models[0].routes[0].upstream names no upstream: "deepseek"; there are none'),
        (UPSTREAM + MODEL.replace("deepseek", "deapseek"), '"deapseek"; did you mean "deepseek"?'),
        (UPSTREAM + MODEL + MODEL, 'models[1].name "chat" is taken by model "chat"'),
        (UPSTREAM + MODEL + SECOND + 'aliases = ["chat"]', 'models[1].aliases "chat" is taken by model "chat"'),
        (UPSTREAM + MODEL + 'aliases = ["x"]\n' + SECOND + 'aliases = ["x"]', 'models[1].aliases "x" is taken'),
        (UPSTREAM + MODEL + 'aliases = ["auto"]', 'models[0].aliases "auto" is taken by the gateway\'s own choice'),
        (UPSTREAM + MODEL.replace('"chat"', '"auto"'), 'models[0].name "auto" is taken by the gateway\'s own choice'),
        (UPSTREAM + MODEL.replace('"chat"', '"a b"'), "models[0].name must be a name"),
        (UPSTREAM + MODEL + 'fallbacks = ["chta"]', 'fallbacks names no model: "chta"; did you mean "chat"?'),
        (UPSTREAM + MODEL + 'aliases = ["c"]\nfallbacks = ["c"]', "models[0].fallbacks names the model itself"),
        (UPSTREAM + MODEL + "modes = []", "models[0].modes must hold"),
        (UPSTREAM + MODEL.replace(ROUTE, "routes = []"), "models[0].routes is empty"),
        (UPSTREAM + MODEL.replace('"1"', '"-1"'), 'models[0].price.input must be a decimal number such as "0.27"'),
        (UPSTREAM + MODEL.replace('"1"', '"1e3"'), 'not "1e3"'),
        (UPSTREAM + MODEL.replace('"1"', '"0.1234567"'), "at most six decimals"),
        (UPSTREAM + MODEL.replace('"1"', '"nan"'), "must be a decimal number"),
        (
            UPSTREAM + MODEL.replace('model = "x"', 'model = "x", cost = { input = "x" }'),
            "models[0].routes[0].cost.input",
        ),
        (
            '[defaults]\nmodel = "chta"\n' + UPSTREAM + MODEL,
            'defaults.model names no model: "chta"; did you mean "chat"?',
        ),
    ],
)
def test_a_broken_rule_is_told(refused, text, sentence):
    problem = refused(text, {"BAD_URL": "postgres://user:pw@host"})
    assert sentence in problem
    assert len(problem.split("\n")) == 1
    assert "pw" not in problem


@pytest.mark.parametrize(
    "text",
    [
        '[server]\nprefix = "/api"\ncors_origins = ["null", "app://obsidian.md"]',
        '[server]\ntrusted_proxies = ["::1", "10.0.0.1/8"]',
        '[mongo]\nurl = "env:MONGO"',
        '[money]\ntime_zone = "UTC"\ncurrency = "USD"',
        '[metrics]\nport = 65534\ntoken = "of-sixteen-chars"\n[server]\nworkers = 2',
        UPSTREAM + 'keys = ["env:NONE"]',  # nothing uses it
        UPSTREAM + MODEL + 'aliases = ["org/name", "深度求索"]\n' + SECOND + 'fallbacks = ["org/name"]',
        '[defaults]\nmodel = "alias"\n' + UPSTREAM + MODEL + 'aliases = ["alias"]',
    ],
)
def test_what_is_right_passes(loaded, text):
    loaded(text, {"MONGO": "mongodb+srv://user:pw@host"})


def test_all_broken_rules_come_at_once(refused):
    assert len(refused('[server]\nprefix = ""\njson_clients = "("\n[money]\ncurrency = "x"').split("\n")) == 3


def test_a_system_without_time_zones_says_so(monkeypatch):
    def missing(key):
        raise zoneinfo.ZoneInfoNotFoundError(key)

    monkeypatch.setattr(zoneinfo, "ZoneInfo", missing)
    monkeypatch.setattr(zoneinfo, "available_timezones", set)
    (problem,) = broken_rules(Settings(), {}, {})
    assert problem.startswith("default: money.time_zone")
    assert problem.endswith("install tzdata")
