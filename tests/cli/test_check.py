"""`tornadogw check` as a subprocess."""

from __future__ import annotations

from tornadogw.store.mongo_supply import MongoSupply
from tornadogw.store.ports import Entry
from tornadogw.store.ports_supply import Edit, Stored


def test_all_is_well(cli):
    done = cli("check", "--json")
    assert (done.code, done.err) == (0, "")
    assert done.json["ok"] is True
    assert [each["check"] for each in done.json["findings"]] == ["settings", "plugins", "models", "database"]
    assert cli("check", "--upstreams").out.splitlines()[-1] == "ok    upstream echo: echo answers"


def test_wrong_settings_end_it(inside, tmp_path):
    (tmp_path / "own.toml").write_text("[server]\nprot = 1\n")
    done = inside("--settings", str(tmp_path / "own.toml"), "check", "--json")
    assert done.code == 1
    assert done.json["ok"] is False
    assert [each["check"] for each in done.json["findings"]] == ["settings"]
    assert done.err == "1 of 1 checks failed.\n"


def test_what_is_independent_is_still_looked_at(inside, tmp_path):
    (tmp_path / "own.toml").write_text('[[upstreams]]\nname = "a"\nvendor = "nobody"\n')
    done = inside("--settings", str(tmp_path / "own.toml"), "check")
    assert done.code == 1
    looks = [line.split(":")[0].split() for line in done.out.splitlines()]
    assert looks == [["ok", "settings"], ["ok", "plugins"], ["FAIL", "models"], ["ok", "database"]]


def test_a_database_that_is_away(alone):
    done = alone("check", "--json", TORNADOGW_MONGO__URL="mongodb://127.0.0.1:1", TORNADOGW_MONGO__TIMEOUT_MS="300")
    assert done.code == 1
    (bad,) = [each for each in done.json["findings"] if not each["ok"]]
    assert bad["check"] == "database"
    assert "mongo.url" in bad["text"]


def test_what_the_database_has_is_looked_at_too(inside, mongo, run):
    """An upstream that only the database has is asked, one that is wrong there is a finding."""

    async def add():
        store = MongoSupply(mongo)
        entry = Entry("test", "upstream.add", 0.0)
        route = {"upstream": "mine", "model": "echo"}
        for each in (
            Stored("upstream", "mine", {"vendor": "echo"}),
            Stored("model", "new", {"price": {"input": "0", "output": "0"}, "routes": [route]}),
            Stored("upstream", "wrong", {"vendor": "nobody"}),
        ):
            await store.edit(lambda _, each=each: [Edit(each.kind, each.name, each, entry)])

    run(add())
    done = inside("check", "--upstreams")
    assert done.code == 1
    told = [line.split(":")[0].split(maxsplit=1) for line in done.out.splitlines()]
    assert told[3:] == [["ok", "database"], ["FAIL", "upstream wrong"], ["ok", "upstream mine"]]
