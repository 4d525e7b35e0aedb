"""Rows: inheritance, rules for models, and sentences for operators who mistyped."""

from __future__ import annotations

import pytest

from tornadogw.errors import SettingsError
from tornadogw.vendors.rows import Profile, Row, builtin_rows, load

DROPPED = builtin_rows()["default"]["drop"]


def row(extra: dict, name: str = "acme") -> Row:
    return next(row for row in load({name: extra}) if row.name == name)


def test_a_row_inherits_from_default_and_from_what_it_is_like():
    acme = row({"like": "mistral", "drop": ["tools"], "finish": {"odd": "length"}, "stream_usage": True}).profile
    assert acme.base_url == "https://api.mistral.ai/v1"
    assert acme.rename == {"seed": "random_seed"}
    assert acme.drop == [*DROPPED, "user", "logit_bias", "logprobs", "top_logprobs", "tools"]
    assert (acme.finish["odd"], acme.finish["eos"]) == ("length", "stop")
    assert acme.roles == {"developer": "system"}
    assert acme.stream_usage is True
    assert row({}).profile.codes["insufficient_quota"] == "quota"


def test_rules_for_models_add_up_and_later_ones_win():
    acme = row(
        {
            "base_url": "http://a",
            "drop": ["user"],
            "ranges": {"temperature": [0, 2]},
            "models": [
                {"match": ["think-*"], "unless": ["*-chat"], "drop": ["temperature"], "pace": "reasoning"},
                {"match": ["*-XL"], "pace": "self-hosted", "ranges": {"temperature": [0, 1]}},
            ],
        }
    )
    assert acme.profile_for("plain") is acme.profile
    assert acme.profile_for("Think-1").drop == [*DROPPED, "user", "temperature"]
    assert acme.profile_for("think-1-chat").drop == [*DROPPED, "user"]
    both = acme.profile_for("think-xl")
    assert (both.drop, both.pace, both.ranges["temperature"]) == (
        [*DROPPED, "user", "temperature"],
        "self-hosted",
        (0, 1),
    )


def test_what_is_allowed_is_neither_dropped_nor_refused():
    allowed = ["service_tier", "n", "seed"]
    models = [{"match": ["big-*"], "drop": ["seed"], "allow": ["user"]}]
    acme = row({"drop": ["user"], "refuse": ["n", "tools"], "allow": allowed, "models": models})
    assert "service_tier" not in acme.profile.drop
    assert {"provider", "user"} <= set(acme.profile.drop)
    assert acme.profile.refuse == ["tools"]
    assert not {"service_tier", "seed", "user"} & set(acme.profile_for("big-1").drop)


def test_rules_are_inherited_before_ones_own():
    azure = next(row for row in load() if row.name == "azure")
    assert azure.profile_for("gpt-5-mini").max_tokens == "max_completion_tokens"
    assert "temperature" in azure.profile_for("gpt-5-mini").drop
    assert azure.profile_for("gpt-4o").max_tokens == "max_tokens"


@pytest.mark.parametrize(
    ("extra", "sentence"),
    [
        ({"like": "deepsek"}, "there is no vendor `deepsek`, did you mean `deepseek`?"),
        ({"like": "acme"}, "leads back to `acme`"),
        ({"relay": "cooked"}, r"acme: Invalid enum value 'cooked'.*relay"),
        ({"stream_usage": "yes"}, r"Expected `bool`, got `str`.*stream_usage"),
        ({"models": [{"drop": ["n"]}]}, r"acme\.models\[0\] needs `match`"),
        ({"models": [{"match": "gpt"}]}, r"acme\.models\[0\] needs `match`"),
        ({"models": [{"match": ["x"], "dorp": []}]}, r"acme\.models\[0\]\.dorp: unknown key, did you mean `drop`\?"),
        ({"auth": {"haeder": "x"}}, r"unknown field `haeder`"),
        ({"codes": {"x": "forbidden"}}, "Invalid enum value 'forbidden'"),
    ],
)
def test_mistakes_are_told_with_their_place(extra, sentence):
    with pytest.raises(SettingsError, match=sentence):
        load({"acme": extra})


def test_rows_that_lead_to_each_other_are_told():
    with pytest.raises(SettingsError, match="leads back"):
        load({"a": {"like": "b"}, "b": {"like": "a"}})


def test_a_row_must_be_a_table():
    with pytest.raises(SettingsError, match="must be a table"):
        load({"acme": "deepseek"})


def test_the_data_says_only_what_it_means():
    """Tables are looked up in lower case, and a row repeats nothing that it inherits."""
    default = builtin_rows()["default"]
    for loaded in load():
        for table in (loaded.profile.codes, loaded.profile.words):
            assert all(key == key.lower() for key in table), loaded.name
        assert set(loaded.profile.finish.values()) <= {*default["finish"].values()}
    for name, raw in builtin_rows().items():
        for key, value in raw.items():
            if name != "default" and "like" not in raw and key in default:
                assert value != default[key], f"{name}.{key} repeats the default"
    assert Profile().think is False
