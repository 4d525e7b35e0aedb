"""`tornadogw account ...` as a subprocess on a real MongoDB."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

import pytest

from tornadogw.accounts.accounts import Accounts
from tornadogw.accounts.logins import Logins
from tornadogw.store.mongo_accounts import MongoAccounts
from tornadogw.store.mongo_logins import MongoLogins

FIELDS = {
    "id",
    "email",
    "status",
    "role",
    "language",
    "has_password",
    "credited",
    "balance",
    "held",
    "spent",
    "created",
}


def test_the_life_of_an_account(cli):
    made = cli("account", "create", "Ann@Example.com", "--json")
    assert (made.code, made.err) == (0, "")
    assert set(made.json) == FIELDS
    assert made.json["email"] == "ann@example.com"
    assert made.json["has_password"] is False

    paid = cli("account", "credit", "ann@example.com", "12.345678", "--ref", "r1", "--json").json
    assert (paid["amount"], paid["ref"], paid["repeated"]) == (12_345_678, "r1", False)
    assert paid["balance"] + paid["held"] + paid["spent"] == paid["credited"] == 12_345_678
    assert cli("account", "credit", "ann@example.com", "12.345678", "--ref", "r1", "--json").json["repeated"] is True

    assert cli("account", "role", "ann@example.com", "operator", "--json").json["role"] == "operator"
    assert cli("account", "disable", "ann@example.com", "--json").json["status"] == "disabled"
    assert cli("account", "enable", "ann@example.com", "--json").json["status"] == "active"
    assert cli("--json", "account", "show", "ann@example.com").json["balance"] == 12_345_678
    assert [each["email"] for each in cli("account", "list", "--json").json["accounts"]] == ["ann@example.com"]
    changed = cli("account", "email", "ann@example.com", "Ann@New.example", "--json").json
    assert (changed["email"], changed["id"]) == ("ann@new.example", made.json["id"])
    assert cli("account", "email", "ann@example.com", "x@new.example").code == 1


def test_for_people(inside):
    assert "email     bob@example.com\n" in inside("account", "create", "bob@example.com").out
    assert inside("account", "credit", "bob@example.com", "3").out.startswith("Paid in 3.00 CNY (manual-")
    assert "balance   3.00 CNY\n" in inside("account", "show", "bob@example.com").out
    assert inside("account", "list").out.splitlines()[0].split() == [
        "EMAIL",
        "ROLE",
        "STATUS",
        "BALANCE",
        "CNY",
        "SPENT",
    ]
    assert "余额" in inside("account", "show", "bob@example.com", LANG="zh_CN.UTF-8").out
    assert "余额" in inside("account", "show", "bob@example.com", TORNADOGW_SERVER__LANGUAGE="zh").out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["create", "nobody"], "'nobody' is not an e-mail address"),
        (["show", "nobody@example.com"], "there is no account nobody@example.com"),
        (["credit", "nobody@example.com", "5"], "there is no account nobody@example.com"),
        (["credit", "nobody@example.com", "-5"], "'-5' is not an amount"),
        (["credit", "nobody@example.com", "0.0000001"], "too fine"),
    ],
)
def test_what_cannot_be_done(words, sentence, inside):
    done = inside("account", *words)
    assert (done.code, done.out) == (1, "")
    assert sentence in done.err
    assert done.err.count("\n") == 1


def test_an_account_is_there_once(inside):
    inside("account", "create", "a@example.com")
    again = inside("account", "create", "A@example.com", "--json")
    assert again.code == 1
    assert again.json == {"error": "there is an account a@example.com already"}


def test_a_password_comes_from_standard_input(inside):
    inside("account", "create", "a@example.com")
    assert (
        inside("account", "password", "a@example.com", "--json", stdin="correct horse\n").json["has_password"] is True
    )
    short = inside("account", "password", "a@example.com", stdin="short\n")
    assert (short.code, "8 to 1024 characters" in short.err) == (1, True)


@pytest.mark.parametrize("acts", [["password"], ["disable", "enable"]])
async def test_a_new_password_or_a_pause_ends_every_login(cli, mongo, acts):
    cli("account", "create", "a@example.com")
    ann = await Accounts(MongoAccounts(mongo)).show("a@example.com")
    new = await Logins(MongoLogins(mongo)).begin(ann)
    for act in acts:
        assert cli("account", act, "a@example.com", stdin="correct horse\n").code == 0
    assert await Logins(MongoLogins(mongo)).find(new.token) is None


def test_no_password_and_no_terminal(inside):
    done = inside("account", "password", "a@example.com")
    assert done.code == 1
    assert "There is no terminal to ask on" in done.err


@pytest.mark.parametrize(("second", "code"), [(b"correct horse\n", 0), (b"another horse\n", 1)])
def test_a_terminal_is_asked_twice(second, code, cli, mongod, mongo, tmp_path):
    cli("account", "create", "a@example.com")
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "tornadogw", "--data", str(tmp_path / "data"), "account", "password", "a@example.com"],
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        start_new_session=True,  # no terminal but the one that it was given
        env={
            **os.environ,
            "LC_ALL": "en_US.UTF-8",
            "TORNADOGW_MONGO__URL": mongod.url,
            "TORNADOGW_MONGO__DATABASE": mongo.database.name,
        },
    ) as process:
        answer_prompts(process, ours, {b"New password: ": b"correct horse\n", b"Once more: ": second})
        out, err = process.communicate(timeout=60)
    os.close(ours)
    os.close(theirs)
    assert process.returncode == code, err
    assert (b"password  set" in out) == (code == 0)
    assert (b"differ" in err) == (code == 1)


def answer_prompts(process, terminal, answers):
    """What is typed before its question is thrown away, so each answer waits for its own."""
    said = b""
    for prompt, answer in answers.items():
        while not said.endswith(prompt):
            byte = process.stderr.read(1)
            assert byte, said
            said += byte
        os.write(terminal, answer)


def test_a_correction_takes_back_once(inside):
    inside("account", "create", "ann@example.com")
    inside("account", "credit", "ann@example.com", "5")
    for repeated in (False, True):
        taken = inside("account", "debit", "ann@example.com", "7", "--ref", "r1", "--json").json
        assert (taken["amount"], taken["balance"], taken["repeated"]) == (-7_000_000, -2_000_000, repeated)
    assert "Was taken back before: 7.00" in inside("account", "debit", "ann@example.com", "7", "--ref", "r1").out
    assert inside("account", "debit", "ann@example.com", "-7").code == 1
