from __future__ import annotations

from tornadogw.accounts.admin_tokens import SCOPES
from tornadogw.handlers.admin.table import OPERATIONS


def test_each_operation_is_whole() -> None:
    for each in OPERATIONS:
        kind = "read" if each.method == "GET" else "write"
        assert each.scope in SCOPES
        assert each.scope.endswith(f":{kind}"), each
        assert each.gives is not ...
        assert (each.body is not None) <= (each.method != "GET"), each
        assert each.query is None or each.method == "GET", each
        assert each.summary[0].isupper(), each


def test_none_is_there_twice_and_every_scope_is_of_use() -> None:
    assert len({(each.method, each.path) for each in OPERATIONS}) == len(OPERATIONS)
    assert len({each.id for each in OPERATIONS}) == len(OPERATIONS)
    assert {each.scope for each in OPERATIONS} == SCOPES.keys() - {"roles:write"}
