from __future__ import annotations

from tornadogw.handlers.admin.operation import _OTHERS, Ask, Operation, Operations
from tornadogw.handlers.admin.shapes import AccountQuery, NewAccount
from tornadogw.handlers.admin.table import OPERATIONS


async def _search(_ask: Ask, _name: str, query: AccountQuery) -> list[str]:
    return [query.search]


async def _create(_ask: Ask, body: NewAccount) -> None:
    del body


SEARCH = Operation("GET", "things/{name}/parts", "accounts:read", _search, "Search")
CREATE = Operation("POST", "things", "accounts:write", _create, "Create")


def test_an_operation_knows_its_types() -> None:
    assert (SEARCH.names, SEARCH.query, SEARCH.body, SEARCH.gives) == (["name"], AccountQuery, None, list[str])
    assert (CREATE.names, CREATE.query, CREATE.body) == ([], None, NewAccount)
    assert CREATE.id == "test_operation__create"


def test_paths_are_found_by_their_parts() -> None:
    table = Operations([SEARCH, CREATE])
    assert table.find("things") == ({"POST": CREATE}, {})
    assert table.find("things/a%2Fb%20c/parts") == ({"GET": SEARCH}, {"name": "a/b c"})
    for path in ("", "thing", "things/a", "things/a/part", "things/a/parts/b", "things/a/b/parts"):
        assert table.find(path) == ({}, {}), path


def test_a_client_is_told_its_own_fields() -> None:
    keys, plans, tokens = (
        {each.id: each for each in OPERATIONS}[name]
        for name in ("keys_create", "trade_create_plan", "system_revoke_token")
    )
    for service, own in (
        ("daily_budget", "budget_daily"),
        ("budget", "budget_total"),
        ("tpm", "tokens_per_minute"),
        ("rpm", "rpm"),
    ):
        assert keys.theirs(service) == own
    assert (plans.theirs("amount"), plans.theirs("plan"), plans.theirs("name")) == ("daily", "name", "name")
    assert tokens.theirs("id") == "token_id"
    assert SEARCH.theirs("base_url") == "base_url", "one of a field's own fields"


def test_what_a_service_may_call_otherwise_is_a_field_of_some_operation() -> None:
    known = {name for each in OPERATIONS for name in each.names}
    known |= {
        name for each in OPERATIONS for given in (each.query, each.body) if given for name in given.__struct_fields__
    }
    assert {name for names in _OTHERS.values() for name in names} <= known
