"""`tornadogw invitation ...` on a real MongoDB."""

from __future__ import annotations


def test_the_life_of_an_invitation(cli):
    made = cli("invitation", "create", "--uses", "3", "--json").json
    assert (made["uses"], len(made["id"]), len(made["code"])) == (3, 12, 16)
    [listed] = cli("invitation", "list", "--json").json["invitations"]
    assert (listed["id"], listed["uses"], "code" in listed) == (made["id"], 3, False)
    assert listed["by"].startswith("command line")
    assert cli("invitation", "withdraw", made["id"], "--json").json == {"id": made["id"]}
    assert cli("invitation", "list", "--json").json == {"invitations": []}


def test_for_people(inside):
    made = inside("invitation", "create")
    [code] = made.out.split()  # nothing else on stdout
    assert "not shown again" in made.err
    shown = inside("invitation", "list", LANG="zh_CN.UTF-8").out
    assert ("剩余" in shown, code in shown) == (True, False)
    refused = inside("invitation", "withdraw", "gone")
    assert (refused.code, "there is no such invitation" in refused.err) == (1, True)
    assert inside("invitation", "create", "--expires", "soon").code == 1
