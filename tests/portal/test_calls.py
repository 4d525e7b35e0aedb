"""One's own calls: filters, pages, the decision record, a file that no spreadsheet runs."""

from __future__ import annotations

import csv
import io
import time
from datetime import UTC, datetime

from tests.portal.browser import PASSWORD, Visitor
from tests.running import CHAT
from tests.store.events import stored
from tornadogw.portal.calls import ROWS

ANN, BOB = "ann@example.com", "bob@example.com"


async def test_calls_are_listed_filtered_and_explained(start) -> None:
    async with start() as gateway, Visitor(gateway) as visitor:
        office = gateway.gateway.parts.office
        for email in (ANN, BOB):
            await gateway.accounts.create(email, password=PASSWORD)
        ids = {}
        for email, body in ((ANN, CHAT), (ANN, {**CHAT, "model": "none-such"}), (BOB, CHAT)):
            key = (await office.keys.create(email, label=email)).text
            async with gateway.post(body={"model": "echo", **body}, headers={"X-API-Key": key}) as response:
                ids.setdefault(email, []).append(response.headers["X-Request-Id"])
        await gateway.gateway.ledger.rest()
        await gateway.gateway.parts.gate.decided.decisions.rest()
        await visitor.log_in(ANN)
        await visitor.get("/console/calls")
        assert ids[ANN][0] in visitor.text
        assert ids[BOB][0] not in visitor.text
        answered, refused = ids[ANN]
        await visitor.get("/console/calls?failed=yes")
        assert answered not in visitor.text
        await visitor.get("/console/calls?model=echo&since=2020-01-01&until=2100-01-01")
        assert answered in visitor.text
        await visitor.get("/console/calls?until=2020-01-01")
        assert "No matching calls." in visitor.text
        await visitor.get("/console/calls?since=yesterday")
        assert (visitor.status, "not a date" in visitor.wrong) == (200, True)
        await visitor.get(f"/console/calls/{answered}")
        assert (visitor.status, "Attempts" in visitor.text, "upstream-1" in visitor.text) == (200, True, True)
        for unknown in (ids[BOB][0], "none", "..", "%00", "a" * 3000):
            await visitor.get(f"/console/calls/{unknown}")
            assert visitor.status == (200 if unknown == ".." else 404), unknown
        assert refused != answered


async def test_pages_and_the_file_have_every_call_once(start) -> None:
    async with start() as gateway, Visitor(gateway) as visitor:
        account = await gateway.accounts.create(ANN, password=PASSWORD)
        total = 2 * ROWS + 7
        names = ["=cmd|' /C calc'!A0", "plain,model", '+"quoted"']
        await gateway.mongo.database.events.insert_many(
            [
                stored(_at(number), number, a=account.id, r=f"r{number}", _id=f"e{number}", m=names[number % 3])
                for number in range(total)
            ]
        )
        await visitor.log_in(ANN)
        seen, path = [], "/console/calls"
        while path:
            await visitor.get(path)
            seen += [each.split('"')[0] for each in visitor.text.split('href="/console/calls/')[1:]]
            more = visitor.text.split('href="/console/calls?before=')
            path = "/console/calls?before=" + more[1].split('"')[0] if len(more) > 1 else ""
        assert seen == [f"r{number}" for number in range(total)]
        text = await visitor.get("/console/calls.csv")
        assert visitor.headers["Content-Disposition"] == 'attachment; filename="calls.csv"'
        rows = list(csv.DictReader(io.StringIO(text.lstrip("\ufeff"))))
        assert [row["request_id"] for row in rows] == seen
        assert {row["model"] for row in rows} == {"'=cmd|' /C calc'!A0", "plain,model", '\'+"quoted"'}
        assert [int(row["cost_micro"]) for row in rows] == list(range(total))
        await visitor.get("/console/calls.csv?since=x")
        assert visitor.status == 404
        for cursor in ("x", "-1", "1e300", "nan"):
            await visitor.get(f"/console/calls?before={cursor}")
            assert visitor.status == 200


def _at(number: int) -> datetime:
    return datetime.fromtimestamp(int(time.time()) - 60 * number, UTC)
