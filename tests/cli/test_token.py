"""`tornadogw token ...` on a real MongoDB."""

from __future__ import annotations

from tornadogw.accounts.admin_tokens import PREFIX, SCOPES


def test_the_life_of_a_token(inside):
    inside("account", "create", "olga@example.com")
    inside("account", "role", "olga@example.com", "operator")
    made = inside("token", "create", "olga@example.com", "--label", "billing", "--scopes", "money:write", "--json").json
    assert made["token"].startswith(PREFIX)
    assert (made["scopes"], made["label"], made["email"]) == (["money:write"], "billing", "olga@example.com")
    all_of_hers = inside("token", "create", "olga@example.com", "--expires", "never")
    [text] = all_of_hers.out.split()  # nothing else on stdout
    assert "not shown again" in all_of_hers.err
    newest, oldest = inside("token", "list", "--json").json["tokens"]
    assert (oldest["id"], "token" in oldest, newest["expires"]) == (made["id"], False, None)
    assert {scope for scope, role in SCOPES.items() if role != "owner"} == set(newest["scopes"])
    assert inside("token", "revoke", made["id"], "--json").json == {"id": made["id"]}
    shown = inside("token", "list", "olga@example.com").out
    assert ("revoked" in shown, text in shown) == (True, False)
    acts = [each["act"] for each in inside("audit", "olga@example.com", "--json").json["entries"]]
    assert acts[-3:] == ["token.create", "token.create", "token.revoke"]


def test_what_cannot_be(inside):
    inside("account", "create", "ann@example.com")
    for words, said in (
        (("create", "ann@example.com", "--scopes", "money:write"), "it takes the role operator"),
        (("create", "ann@example.com", "--scopes", "everything"), "there is no scope 'everything'"),
        (("create", "ann@example.com"), "there is no scope"),
        (("create", "nobody@example.com"), "there is no account"),
        (("revoke", "gone"), "there is no such token"),
    ):
        refused = inside("token", *words)
        assert (refused.code, said in refused.err) == (1, True), refused
