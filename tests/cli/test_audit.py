"""`tornadogw audit` on a real MongoDB."""

from __future__ import annotations


def test_who_changed_what(cli, inside):
    inside("account", "create", "ann@example.com")
    inside("account", "create", "bob@example.com")
    inside("account", "credit", "ann@example.com", "5", "--ref", "r1")
    inside("account", "disable", "bob@example.com")
    made = inside("key", "create", "ann@example.com", "--json").json
    found = cli("audit", "ann@example.com", "--json").json["entries"]
    assert [each["act"] for each in found] == ["account.create", "account.credit", "key.create"]
    assert all(each["email"] == "ann@example.com" and each["by"].startswith("command line (") for each in found)
    assert found[1]["after"]["amount"] == 5_000_000
    everybody = cli("audit", "--days", "1", "--json")
    assert [each["act"] for each in everybody.json["entries"]].count("account.create") == 2
    assert made["key"] not in everybody.out


def test_for_people(inside):
    inside("account", "create", "ann@example.com")
    inside("account", "role", "ann@example.com", "operator")
    shown = inside("audit").out
    assert 'role "user" -> "operator"' in shown
    assert "做了什么" in inside("audit", LANG="zh_CN.UTF-8").out
    assert inside("audit", "who@example.com").code == 1
    assert "days are" in inside("audit", "--days", "0").err
