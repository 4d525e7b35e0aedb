from __future__ import annotations

import pytest
from pymongo.errors import (
    AutoReconnect,
    ConfigurationError,
    DuplicateKeyError,
    ExecutionTimeout,
    NetworkTimeout,
    NotPrimaryError,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
    WriteError,
    WTimeoutError,
)

from tornadogw.store.mongo_errors import driver_errors, is_away
from tornadogw.store.ports import StoreUnavailable


def labelled(error: PyMongoError, label: str) -> PyMongoError:
    error._add_error_label(label)
    return error


AWAY = [
    AutoReconnect("gone"),
    NetworkTimeout("slow"),
    NotPrimaryError("moved"),
    ServerSelectionTimeoutError("nobody"),
    ExecutionTimeout("slow", 50),
    WTimeoutError("slow"),
    OperationFailure("stopping", 91),
    OperationFailure("stepped down", 189),
    OperationFailure("conflict", 112),
    labelled(OperationFailure("busy", 1), "TransientTransactionError"),
    labelled(PyMongoError("unknown"), "UnknownTransactionCommitResult"),
]
REFUSED = [
    DuplicateKeyError("there already", 11000),
    WriteError("not valid", 121),
    OperationFailure("unauthorized", 13),
    OperationFailure("wrong", 2),
    ConfigurationError("wrong"),
]


@pytest.mark.parametrize("error", AWAY, ids=repr)
def test_away_is_unavailable(error: PyMongoError) -> None:
    assert is_away(error)
    with pytest.raises(StoreUnavailable, match=type(error).__name__) as caught, driver_errors():
        raise error
    assert caught.value.__cause__ is error


@pytest.mark.parametrize("error", REFUSED, ids=repr)
def test_a_refusal_passes(error: PyMongoError) -> None:
    assert not is_away(error)
    with pytest.raises(type(error)), driver_errors():
        raise error


def test_other_errors_pass() -> None:
    with pytest.raises(KeyError), driver_errors():
        raise KeyError
