"""What is counted, as a scraper reads it from a real gateway; its labels, its page, its dashboard and its document."""

from __future__ import annotations

import asyncio
import json
import re
import time
from pathlib import Path

import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.relay.conftest import WHOLE, event
from tests.running import CHAT, OWNER, chat_settings
from tornadogw import metrics as room
from tornadogw.metrics import OTHER, Metrics
from tornadogw.testing import Answer, FakeUpstream
from tornadogw.types import Attempt, Record, Usage

DOCS = Path(__file__).parents[1] / "docs"
TOKEN = "a-token-of-a-scraper"
ON = f'[metrics]\ntoken = "{TOKEN}"\n'
ASKED = {**CHAT, "model": "m"}
RECORD = Record(
    id="request",
    account_id="account",
    key_id="key",
    mode="chat",
    asked="alias",
    model="m",
    upstream="up",
    finish="whole",
    usage=Usage(100, 50, 20, 7, 10),
    cost=123,
    attempts=(Attempt("up", "m", "elsewhere", "reset", 5), Attempt("up", "m", "ok", "", 500)),
    first_event_ms=300,
    ms=1500,
)


def made(**options) -> Metrics:
    return Metrics({"m": "m", "alias": "m", "auto": "auto"}, {"up"}, lambda: 3, **options)


def samples(text):
    """The value of each sample, by its name and its labels in the document's order, but for the worker's."""
    order = ("model", "upstream", "currency", "status", "outcome", "kind", "le")
    return {
        (each.name, *(each.labels[label] for label in order if label in each.labels)): each.value
        for family in text_string_to_metric_families(text)
        for each in family.samples
    }


async def page(metrics):
    return samples((await metrics.text()).decode())


async def scrape(gateway):
    async with gateway.session.get(gateway.url + "/metrics", headers={"Authorization": f"Bearer {TOKEN}"}) as got:
        assert (got.status, got.headers["Content-Type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
        return await got.text()


async def figures(gateway):
    return samples(await scrape(gateway))


# --- a gateway -----------------------------------------------------------------------------------------------------


async def test_a_scraper_reads_what_was_answered_and_charged(start):
    extra = '\n[[upstreams]]\nname = "spare"\nvendor = "vllm"\nbase_url = "{}"\nkeys = ["sk-spare"]\n'
    route, spare = '{ upstream = "up", model = "m" }', '{ upstream = "spare", model = "m", priority = 1 }'
    async with FakeUpstream(Answer(status=500)) as broken, FakeUpstream(Answer(body=WHOLE)) as whole:
        settings = chat_settings(broken.url).replace(f"[{route}]", f"[{route}, {spare}]") + extra.format(whole.url)
        async with start(ON + settings) as gateway:
            await gateway.stream(ASKED)
            assert (await gateway.ask({**CHAT, "model": "unheard-of"}))[0] == 400
            assert (await gateway.ask(ASKED, headers={"X-API-Key": "sk-wrong"}))[0] == 401
            text, [charged] = await scrape(gateway), await gateway.events()
    seen = samples(text)
    assert seen["tornadogw_requests_total", "m", "whole"] == 1
    assert seen["tornadogw_attempts_total", "up", "elsewhere"] == 1
    assert seen["tornadogw_attempts_total", "spare", "ok"] == 1
    assert seen["tornadogw_charged_micros_total", "m"] == charged["c"] > 0
    assert seen["tornadogw_tokens_total", "m", "prompt"] > 0
    assert seen["tornadogw_first_event_seconds_count", "m"] == seen["tornadogw_duration_seconds_count", "m"] == 1
    assert seen["tornadogw_first_event_seconds_sum", "m"] <= seen["tornadogw_duration_seconds_sum", "m"]
    assert [seen["tornadogw_responses_total", status] for status in ("200", "400", "401")] == [1, 1, 1]
    assert seen["tornadogw_info", "CNY"] == 1
    for private in (gateway.key, OWNER, charged["k"], charged["a"], "127.0.0.1", "sk-", "unheard-of", TOKEN):
        assert private not in text


async def test_a_plugin_hears_of_what_is_counted(start, tmp_path):
    (tmp_path / "plugins.d").mkdir()
    plugin = (
        "from pathlib import Path\nfrom tornadogw import hookimpl\n@hookimpl\nasync def gw_call_finished(record):\n"
    )
    (tmp_path / "plugins.d" / "hears.py").write_text(f"{plugin}    Path(__file__ + '.told').write_text(record.id)\n")
    async with start(ON) as gateway:
        assert (await gateway.ask(headers={"X-Request-Id": "one"}))[0] == 200
        seen = await figures(gateway)
    assert seen["tornadogw_requests_total", "echo", "whole"] == 1
    assert (tmp_path / "plugins.d" / "hears.py.told").read_text() == "one"


async def test_calls_that_run_and_one_whose_client_leaves(start):
    more = asyncio.Event()
    body = (event({"role": "assistant", "content": ""}), event({"content": "Hel"}), more, WHOLE)
    async with FakeUpstream(Answer(body=body)) as upstream, start(ON + chat_settings(upstream.url)) as gateway:
        async with gateway.post(body={**ASKED, "stream": True}) as response:
            assert b"Hel" in await response.content.readuntil(b"Hel")
            assert (await figures(gateway))["tornadogw_calls_in_progress",] == 1
            response.close()
        async with asyncio.timeout(15):
            while (seen := await figures(gateway))["tornadogw_calls_in_progress",]:
                pass
        assert seen["tornadogw_requests_total", "m", "client_gone"] == 1
        assert seen["tornadogw_charged_micros_total", "m"] > 0


async def test_a_loop_that_is_late_is_seen(start):
    async with start(ON) as gateway:
        assert gateway.gateway.parts.metrics is not None
        time.sleep(room.BEAT + 0.3)  # what nobody may do
        async with asyncio.timeout(15):
            while not (seen := await figures(gateway))["tornadogw_event_loop_lag_seconds_count",]:
                pass
    assert (
        seen["tornadogw_event_loop_lag_seconds_bucket", "+Inf"]
        > seen["tornadogw_event_loop_lag_seconds_bucket", "0.25"]
    )


async def test_who_wants_no_figures_has_none(start):
    async with start() as gateway:
        assert gateway.gateway.parts.metrics is None
        assert gateway.gateway.parts.gate.finished is None


# --- counting ------------------------------------------------------------------------------------------------------


async def test_one_call():
    metrics = made(worker=2)
    metrics.finished(RECORD)
    metrics.answered(200)
    seen = await page(metrics)
    assert seen["tornadogw_requests_total", "m", "whole"] == 1
    assert seen["tornadogw_attempts_total", "up", "elsewhere"] == seen["tornadogw_attempts_total", "up", "ok"] == 1
    kinds = {"prompt": 100, "completion": 50, "cached": 20, "cache_write": 7, "reasoning": 10}
    assert {kind: seen["tornadogw_tokens_total", "m", kind] for kind in kinds} == kinds
    assert seen["tornadogw_charged_micros_total", "m"] == 123
    assert seen["tornadogw_first_event_seconds_bucket", "m", "0.25"] == 0
    assert seen["tornadogw_first_event_seconds_bucket", "m", "0.5"] == 1
    assert seen["tornadogw_first_event_seconds_bucket", "m", "+Inf"] == 1
    assert seen["tornadogw_duration_seconds_sum", "m"] == 1.5
    assert seen["tornadogw_calls_in_progress",] == 3
    text = (await metrics.text()).decode().splitlines()
    assert all('worker="2"' in line for line in text if not line.startswith("#"))


@pytest.mark.parametrize(
    ("fields", "labels"),
    [
        ({"asked": "auto", "model": "", "finish": "no_upstream"}, ("auto", "no_upstream")),
        ({"asked": "alias", "model": "", "finish": "timeout"}, ("m", "timeout")),
        ({"asked": "what a client made up", "model": "", "finish": "error"}, (OTHER, "error")),
        ({"finish": "what nobody knows"}, ("m", OTHER)),
    ],
)
async def test_labels_of_calls_are_those_that_are_known(fields, labels):
    metrics = made()
    metrics.finished(msgspec.structs.replace(RECORD, **fields))
    assert (await page(metrics))["tornadogw_requests_total", *labels] == 1


async def test_labels_of_attempts_are_those_that_are_known():
    metrics = made()
    attempts = (Attempt("elsewhere.example", "m", "ok"), Attempt("up", "m", "surprised"))
    metrics.finished(msgspec.structs.replace(RECORD, attempts=attempts))
    seen = await page(metrics)
    assert seen["tornadogw_attempts_total", OTHER, "ok"] == seen["tornadogw_attempts_total", "up", OTHER] == 1


async def test_any_number_of_strange_calls_makes_no_more_series():
    metrics = made()
    for number in range(100):
        strange = msgspec.structs.replace(RECORD, asked=f"a{number}", model="", finish=f"f{number}", id=str(number))
        metrics.finished(strange)
    assert len([each for each in await page(metrics) if each[0] == "tornadogw_requests_total"]) == 1


async def test_who_got_no_answer_spends_nothing():
    metrics = made()
    metrics.finished(msgspec.structs.replace(RECORD, model="", cost=0, usage=Usage(), first_event_ms=None))
    names = {name for name, *_ in await page(metrics)}
    assert not {"tornadogw_tokens_total", "tornadogw_charged_micros_total", "tornadogw_first_event_seconds_sum"} & names


async def test_slices_of_a_page_make_a_whole(monkeypatch):
    """Others run in between, and may count meanwhile."""
    metrics = Metrics({str(number): str(number) for number in range(40)}, {"up"}, lambda: 0)
    for number in range(40):
        metrics.finished(msgspec.structs.replace(RECORD, model=str(number)))
    whole = await metrics.text()
    monkeypatch.setattr(room, "SLICE", 7)
    writing = asyncio.create_task(metrics.text())
    turns = 0
    while not writing.done():
        turns += 1
        metrics.answered(500 + turns)
        await asyncio.sleep(0)
    sliced = [line for line in writing.result().splitlines() if b"tornadogw_responses" not in line]
    assert sliced == [line for line in whole.splitlines() if b"tornadogw_responses" not in line]
    assert turns > 100


# --- what is written of them ---------------------------------------------------------------------------------------


@pytest.fixture
def families(run):
    """Every family with all of its labels, samples' names included, out of a page that has each."""
    metrics = made(currency="CNY")
    metrics.finished(RECORD)
    metrics.answered(200)
    known = {}
    for family in text_string_to_metric_families(run(metrics.text()).decode()):
        for each in family.samples:
            known.setdefault(each.name, set()).update(each.labels)
    return known


def test_the_dashboard_asks_for_what_there_is(families):
    board = json.loads((DOCS / "grafana/tornadogw.json").read_text("utf-8"))
    asked = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    asked += [each["query"]["query"] for each in board["templating"]["list"] if each["type"] == "query"]
    used = set()
    for expression in asked:
        names = set(re.findall(r"\btornadogw_\w+", expression))
        assert names, expression
        assert names <= families.keys(), expression
        inside = ",".join(re.findall(r"\{([^}]*)\}", expression))
        labels = set(re.findall(r"(\w+)(?:=|!=|=~|!~)\"", inside))
        labels |= {label.strip() for group in re.findall(r"by \(([^)]*)\)", expression) for label in group.split(",")}
        for name in names:
            assert labels - {"instance"} <= families[name], expression
        used |= {re.sub(r"_bucket$", "", name) for name in names}
    assert used == {re.sub(r"_(bucket|count|sum)$", "", name) for name in families}, "a figure that nobody looks at"


def test_the_document_names_each_with_its_labels(families):
    rows = re.findall(
        r"^\| `(tornadogw_\w+)` \| (\w+) \|([^|]*)\|", (DOCS / "metrics.md").read_text("utf-8"), re.MULTILINE
    )
    written = {name: set(re.findall(r"`(\w+)`", labels)) for name, _, labels in rows}
    there = {}
    for name, labels in families.items():
        there.setdefault(re.sub(r"_(bucket|count|sum)$", "", name), set()).update(labels - {"worker", "le"})
    assert written == there


def test_the_document_names_each_outcome():
    text = (DOCS / "metrics.md").read_text("utf-8")
    assert {each for each in room.OUTCOMES | room.TRIES if f"`{each}`" not in text} == set()


async def test_models_and_upstreams_may_come_and_go():
    """What was counted of them stays: a counter that fell would be read as a restart."""
    metrics = made(left_alone=lambda: {("new", "open"): 1, ("up", "open"): 1})
    metrics.finished(RECORD)
    metrics.change({"n": "n"}, {"new"})
    metrics.finished(RECORD)
    page = (await metrics.text()).decode()
    assert 'tornadogw_charged_micros_total{model="m",worker="0"} 123.0' in page
    assert f'tornadogw_charged_micros_total{{model="{OTHER}",worker="0"}} 123.0' in page
    assert 'tornadogw_open_breakers{upstream="new",worker="0"} 1.0' in page
    assert 'tornadogw_open_breakers{upstream="up"' not in page
