r"""The conformance suite: what every vendor owes the gateway, as a class of pytest tests to inherit.

    class TestAcme(VendorSuite):
        vendor = Acme()
        samples = {"hello": b'data: {"word": "Hi"}\n\n...'}

Each rule of `tornadogw.testing.RULES` is one test. It needs pytest and hypothesis (the extra `test`), and no network.
"""

from __future__ import annotations

import contextlib
import sys
import tomllib
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal

from typing_extensions import override

from tornadogw.testing import check_outside, check_reading, check_writing
from tornadogw.testing.material import Fault, Golden, Sample, call_of, draft_of, hello, mode_of
from tornadogw.testing.reading import frames_of
from tornadogw.testing.recordings import MissingRecordings, Recording, recordings_near, skip_without
from tornadogw.testing.rules import RULES
from tornadogw.types import Call, Credential, Draft, UpstreamRequest, Value
from tornadogw.vendor import Vendor

__all__ = ["Line", "VendorSuite"]

EXEMPT = "exempt: "
SHOWN = 8
"""Complaints in one message: the first ones are enough to begin with."""


class Line(Value, frozen=True):
    """One rule in the report card."""

    rule: str
    meaning: str
    state: Literal["passed", "failed", "exempt"]
    reasons: tuple[str, ...] = ()
    """Complaints, or why the vendor is exempt."""


class VendorSuite:
    """Inherit and set the attributes. Without material for a rule the rule fails: give some, or declare it exempt."""

    vendor: ClassVar[Vendor]
    model: ClassVar[str] = "model-1"
    """The vendor's name of a model that can do most, for rules that write requests of their own."""
    base_url: ClassVar[str] = ""
    """Empty: the vendor's own, else an address that does not exist."""
    options: ClassVar[Mapping[str, Any]] = {}
    """Of the upstream, as in the settings."""
    secret: ClassVar[str] = "sk-suite-0123456789abcdef"  # noqa: S105  # made up
    """A key in the vendor's form that occurs nowhere else."""
    folders: ClassVar[Sequence[str]] = ()
    """Folders of recordings: `recorded/<folder>/*.json` where TORNADOGW_RECORDINGS says, or beside the checkout."""
    skip: ClassVar[Mapping[str, str]] = {}
    """Recordings that are left out, by name, with the reason."""
    samples: ClassVar[Mapping[str, bytes]] = {}
    """Whole answers written by hand: at least a stream with everything that the vendor can say."""
    whole: ClassVar[Mapping[str, bytes]] = {}
    """The name of a stream, recorded or in `samples`, and a JSON body that says the same."""
    chat_dialect: ClassVar[bool] = False
    """The vendor's requests are in the chat dialect: each recorded one is what its client asked."""
    asked: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    """The name of a recording, and what a client asks in the chat dialect to get that very request."""
    goldens: ClassVar[Sequence[Golden]] = ()
    """Requests written by hand, for vendors without recordings."""
    differs: ClassVar[Mapping[str, str]] = {}
    """Where sent and recorded requests may differ (`path`, `query`, `messages.*.name`), and why."""
    refuses: ClassVar[Mapping[str, str]] = {}
    """Goldens that are refused, and the parameter that is named."""
    opaque: ClassVar[Sequence[str]] = ()
    """Fields of the vendor's answers whose texts must come back in a tool loop: signatures, encrypted thoughts."""
    plain_clients: ClassVar[bool] = False
    """Opaque texts also survive clients that send back only what their SDK knows: text, calls and their ids."""
    faults: ClassVar[Sequence[Fault]] = ()
    """The vendor's errors, recorded or written by hand, and what must come of each."""
    statuses: ClassVar[Mapping[int, tuple[str, ...]]] = {}
    """Kinds of failure for a status without a body, where the vendor's differ from the suite's."""
    waits: ClassVar[Sequence[tuple[Mapping[str, str], float]]] = check_outside.WAITS
    """Headers of a 429, and the seconds that must come of them; set it where the vendor has other ones."""
    exempt: ClassVar[Mapping[str, str]] = {}
    """Rules that cannot hold, and why; a package says it in its `quality.toml`."""
    quality: ClassVar[Path | None] = None
    """The package's `quality.toml`: its table `[suite]` says `done` or `exempt: why` for each rule."""

    @override
    def __init_subclass__(cls, **named: Any) -> None:
        """Rules that the vendor is exempt from are no tests."""
        super().__init_subclass__(**named)
        for rule, promise in {**cls.exempt, **_promises(cls.quality)}.items():
            if rule in RULES and (rule in cls.exempt or promise.startswith(EXEMPT)):
                setattr(cls, f"test_{rule}", None)

    # --- the material ------------------------------------------------------------------------------------------------

    @cached_property
    def recordings(self) -> Sequence[Recording]:
        """Those of `folders`, without `skip`. Raises MissingRecordings."""
        if not self.folders:
            return ()
        file = getattr(sys.modules.get(type(self).__module__), "__file__", None) or Path.cwd() / "x"
        return [each for each in recordings_near(file, self.folders) if each.name not in self.skip]

    def call_for(self, recording: Recording) -> Call:
        """The call that a recording answers; override it where reading depends on what was asked."""
        stream = "stream" in recording.tags
        draft = draft_of(recording.request) if self.chat_dialect and isinstance(recording.request, dict) else None
        model = recording.model or self.model
        return call_of(draft or hello(model, mode_of(recording)), self._address(), self.options, stream=stream)

    def options_for(self, recording: Recording) -> Mapping[str, Any]:
        """Options of the upstream with which the recorded request is written."""
        return self.options

    def base_url_for(self, recording: Recording) -> str:
        """The upstream's address with which the recorded request is written."""
        return self._address()

    @cached_property
    def answers(self) -> Sequence[Sample]:
        """Every whole answer there is."""
        recorded = [
            Sample(each.name, each.body, self.call_for(each))
            for each in self.recordings
            if each.status < 300  # noqa: PLR2004  # a 2xx
        ]
        return [*recorded, *(Sample(name, body, self._plain(body)) for name, body in self.samples.items())]

    @cached_property
    def requests(self) -> Sequence[tuple[Golden, Call]]:
        """Every request that must come out as it was recorded."""
        found = []
        for each in self.recordings:
            asked = self.asked.get(each.name) or (self.chat_dialect and each.status < 300 and each.request)  # noqa: PLR2004
            if asked and isinstance(each.request, dict):
                asked = {"model": each.model, **asked}
                golden = Golden(
                    name=each.name,
                    asked=asked,
                    body=each.request,
                    path=each.path,
                    options=self.options_for(each),
                    base_url=self.base_url_for(each),
                )
                found.append((golden, self._asking(golden)))
        return [*found, *((golden, self._asking(golden)) for golden in self.goldens)]

    def make(self, draft: Draft) -> Call:
        """A call of this draft."""
        return call_of(draft, self._address(), self.options, stream=True)

    def write(self, call: Call) -> UpstreamRequest:
        """The vendor's request."""
        return self.vendor.request(call, Credential("suite#1", self.secret), check_outside.NOW)

    def _address(self) -> str:
        return self.base_url or self.vendor.base_url or "https://upstream.example"

    def _plain(self, body: bytes) -> Call:
        """A call that asked for what `body` is."""
        call = self.make(hello(self.model))
        whole = any(frame.whole for frame in frames_of(self.vendor, call, [body]))
        return call_of(call.draft, call.base_url, call.options, stream=not whole)

    @staticmethod
    def _as_json(stream: Sample, body: bytes) -> Sample:
        """The same answer to a call that asked for JSON."""
        call = stream.call
        return Sample(f"{stream.name} as JSON", body, call_of(call.draft, call.base_url, call.options, stream=False))

    def _asking(self, golden: Golden) -> Call:
        draft = draft_of(golden.asked)
        assert draft is not None, f"{golden.name}: the gateway itself refuses what is asked"
        address = golden.base_url or self._address()
        return call_of(draft, address, golden.options or self.options, stream=golden.asked.get("stream") is True)

    # --- the checks --------------------------------------------------------------------------------------------------

    def _checks(self) -> Mapping[str, Callable[[], Iterator[str]]]:
        vendor, model = self.vendor, self.model
        reading = {
            name: (lambda check=check: self._about(check))
            for name, check in (
                ("splits", check_reading.splits),
                ("form", check_reading.form),
                ("one_stop", check_reading.one_stop),
                ("usage", check_reading.usage),
                ("truncation", check_reading.truncation),
                ("pure", check_reading.pure),
            )
        }
        return {
            "requests": self._requests,
            "never_silent": lambda: check_writing.never_silent(self.write, self.make, model),
            "any_request": lambda: check_outside.any_request(
                self.write, self.make, model, [golden.asked for golden, _ in self.requests]
            ),
            "call_unchanged": lambda: check_writing.call_unchanged(
                self.write, self.make, model, [call.draft for _, call in self.requests]
            ),
            "extras": lambda: check_writing.extras(
                vendor, self.write, self.make, self.answers, self.opaque, plain=self.plain_clients
            ),
            **reading,
            "json": self._json,
            "any_answer": lambda: check_outside.any_answer(vendor, self.answers, self.make(hello(model))),
            "failures": self._failures,
            "secrets": lambda: check_outside.secrets(
                vendor, self.write, [call for _, call in self.requests] + self._probes(), self.answers, self.secret
            ),
            "no_io": self._no_io,
        }

    def _about(self, check: Callable[[Vendor, Sequence[Sample]], Iterator[str]]) -> Iterator[str]:
        """A check of answers, which needs some."""
        if not self.answers:
            yield "no answer to look at: set `folders` or `samples`"
        yield from check(self.vendor, self.answers)

    def _requests(self) -> Iterator[str]:
        if not self.requests:
            yield "no request to compare with: set `asked`, `goldens` or `chat_dialect`"
        yield from check_writing.requests(self.write, self.requests, self.differs, self.refuses)

    def _json(self) -> Iterator[str]:
        by_name = {sample.name: sample for sample in self.answers}
        documents = [
            sample
            for sample in self.answers
            if any(frame.whole for frame in frames_of(self.vendor, sample.call, [sample.body]))
        ]
        if not documents and not self.whole:
            yield "no JSON answer to look at: record one, or write one in `whole`"
        pairs = [(by_name[name], self._as_json(by_name[name], body)) for name, body in self.whole.items()]
        yield from check_reading.json(self.vendor, [*documents, *(whole for _, whole in pairs)], pairs)

    def _failures(self) -> Iterator[str]:
        recorded = {each.name: each for each in self.recordings if each.status >= 300}  # noqa: PLR2004  # no 2xx
        cases = []
        for number, fault in enumerate(self.faults):
            if fault.recording and fault.recording not in recorded:
                continue  # a further set of recordings need not have it
            each = recorded.get(fault.recording)
            answer = (each.status, each.headers, each.body) if each else (fault.status, fault.headers, fault.body)
            cases.append((fault.recording or f"fault {number} ({fault.status})", fault, *answer))
        plain = [(name, each.status, each.headers, each.body) for name, each in recorded.items()]
        yield from check_outside.failures(self.vendor, cases, plain, self.statuses, self.waits)

    def _probes(self) -> list[Call]:
        bodies = [check_writing.asking(probe, self.model) for probe in check_writing.PROBES.values()]
        return [self.make(draft) for body in bodies if (draft := draft_of(body)) is not None]

    def _no_io(self) -> Iterator[str]:
        """Everything once more, while somebody watches."""
        with check_outside.watched() as seen:
            checks = (self._requests, self._failures, self._json, lambda: self._about(check_reading.form))
            for check in (*checks, lambda: check_writing.never_silent(self.write, self.make, self.model)):
                with contextlib.suppress(Exception):  # other rules tell what it raises
                    list(check())
        yield from dict.fromkeys(f"tries {event}" for event in seen)

    # --- the report --------------------------------------------------------------------------------------------------

    @cached_property
    def promises(self) -> Mapping[str, str]:
        """The table `[suite]` of `quality`, and `exempt`."""
        return {**{rule: EXEMPT + why for rule, why in self.exempt.items()}, **_promises(self.quality)}

    def look(self, rule: str) -> Line:
        """One line of the report card."""
        promise = self.promises.get(rule, "done")
        if promise.startswith(EXEMPT):
            return Line(rule, RULES[rule], "exempt", (promise.removeprefix(EXEMPT),))
        try:
            complaints = tuple(self._checks()[rule]())
        except MissingRecordings:
            raise
        except Exception as error:  # noqa: BLE001  # the vendor's, and no reason to end the report
            place = traceback.extract_tb(error.__traceback__)[-1]
            complaints = (f"raises {type(error).__name__}: {error} ({Path(place.filename).name}:{place.lineno})",)
        return Line(rule, RULES[rule], "failed" if complaints else "passed", complaints)

    def card(self) -> Sequence[Line]:
        """The whole report card. Raises MissingRecordings."""
        return [self.look(rule) for rule in RULES]

    def _show(self, rule: str) -> None:
        try:
            line = self.look(rule)
        except MissingRecordings as missing:
            skip_without(missing)
        text = "\n".join(f"- {reason}" for reason in line.reasons[:SHOWN])
        assert line.state != "failed", f"{self.vendor.name}: {rule}: {line.meaning}\n{text}"

    def test_promises(self) -> None:
        """`quality.toml` declares each rule, and no other."""
        if self.quality is not None:
            assert set(self.promises) == set(RULES), "quality.toml, [suite]: one line for each rule"
            wrong = [rule for rule, said in self.promises.items() if said != "done" and not _reason(said)]
            assert not wrong, f"quality.toml, [suite]: `done`, or `exempt: why`: {wrong}"


def _promises(quality: Path | None) -> Mapping[str, str]:
    """The table `[suite]`: each rule and its state."""
    if quality is None:
        return {}
    table = tomllib.loads(quality.read_text(encoding="utf-8")).get("suite", {})
    return {str(rule): str(state) for rule, state in table.items()}


def _reason(promise: str) -> str:
    """Why a rule is exempt; empty for anything else."""
    return promise.removeprefix(EXEMPT).strip() if promise.startswith(EXEMPT) else ""


def _test(rule: str) -> Callable[[VendorSuite], None]:
    def test(self: VendorSuite) -> None:
        self._show(rule)

    test.__name__, test.__doc__ = f"test_{rule}", RULES[rule]
    return test


for _rule in RULES:
    setattr(VendorSuite, f"test_{_rule}", _test(_rule))
