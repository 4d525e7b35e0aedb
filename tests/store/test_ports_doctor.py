from __future__ import annotations

import pytest

from tornadogw.store.ports_doctor import LeaseFacts, WalletFacts


@pytest.mark.parametrize(("settled", "summed", "charged"), [(3, 5, 5), (5, 3, 5), (0, 0, 0)])
def test_what_is_charged_of_a_lease_is_the_larger(settled: int, summed: int, charged: int) -> None:
    assert LeaseFacts("l", 9, settled, summed).charged == charged


@pytest.mark.parametrize(
    ("kind", "document"), [("prepaid", "accounts/w"), ("day", "wallets/w"), ("total", "wallets/w")]
)
def test_a_wallet_knows_where_it_is_kept(kind, document: str) -> None:
    assert WalletFacts(kind, "w", 0, 0, 0).document == document
