"""What the driver raises, in the words of the ports: `StoreUnavailable` when the database is away or too slow.

A duplicate key and a request that the database finds wrong pass as they are: the first is for the store to name, the
second is a bug.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pymongo.errors import (
    ConnectionFailure,
    ExecutionTimeout,
    OperationFailure,
    PyMongoError,
    WTimeoutError,
)

from tornadogw.store.ports import StoreUnavailable

__all__ = ["NOT_NOW", "driver_errors", "is_away"]

_LABELS = ("TransientTransactionError", "UnknownTransactionCommitResult", "RetryableWriteError", "NoWritesPerformed")
"""What server or driver put on errors that another try may not meet."""
NOT_NOW = frozenset(
    {
        6,  # HostUnreachable
        7,  # HostNotFound
        50,  # MaxTimeMSExpired
        64,  # WriteConcernFailed: written, not yet on a majority
        89,  # NetworkTimeout
        91,  # ShutdownInProgress
        112,  # WriteConflict, after the tries that the deadline allowed
        189,  # PrimarySteppedDown
        251,  # NoSuchTransaction: aborted by the server
        262,  # ExceededTimeLimit
        9001,  # SocketException
        10107,  # NotWritablePrimary
        11600,  # InterruptedAtShutdown
        11602,  # InterruptedDueToReplStateChange
        13435,  # NotPrimaryNoSecondaryOk
        13436,  # NotPrimaryOrSecondary
    }
)
"""Server errors that say `not now`."""


@contextmanager
def driver_errors() -> Iterator[None]:
    """Around every use of the driver. Raises StoreUnavailable where `is_away`."""
    try:
        yield
    except PyMongoError as error:
        if is_away(error):
            raise StoreUnavailable(f"MongoDB is away: {type(error).__name__}") from error
        raise


def is_away(error: PyMongoError) -> bool:
    """Whether the database could not answer now, as opposed to having refused."""
    if error.timeout or isinstance(error, (ConnectionFailure, ExecutionTimeout, WTimeoutError)):
        return True
    if isinstance(error, OperationFailure) and error.code in NOT_NOW:
        return True
    return any(error.has_error_label(label) for label in _LABELS)
