from __future__ import annotations

from tornadogw.handlers.admin.operation import Ask, Operation, Operations
from tornadogw.handlers.admin.shapes import AccountQuery, NewAccount


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
