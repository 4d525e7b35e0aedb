"""CPU of the gateway per request and per relayed chunk, beside a bare Tornado and nginx. bench/README.md says more.

python bench/run.py                 # the table, in about four minutes
python bench/run.py --quick         # fewer rounds
python bench/run.py --paced         # also 200 streams at 20 events a second
python bench/run.py --check         # exit code 1 if an aim is missed
"""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import systems
from systems import PLACES, NotThere, System

AIM_HELLO = 2.5
"""Times the bare hello world's CPU, per JSON request, without the ledger's database work."""
AIM_LEDGER = 100.0
"""Microseconds of our CPU, all threads, that the ledger may cost a priced request in steady load."""
AIM_ASKED = 0.1
"""Operations of MongoDB a priced request in steady load."""
AIM_CHUNK = 15.0
"""Microseconds per relayed chunk at full speed."""
LOAD_SECONDS = 90.0
MAKERS: dict[str, Callable[[Path, System], System]] = {
    "hello": systems.hello,
    "nginx": systems.nginx,
    "gateway": systems.gateway,
    "dry": systems.dry,
    "bare": systems.bare,
}


@dataclass(frozen=True)
class Load:
    """One kind of work. `model` is what the mock understands; a priced one costs the ledger its database work."""

    title: str
    model: str
    requests: int
    connections: int = 16
    stream: bool = False
    priced: bool = False
    only: tuple[str, ...] = ()
    """Systems that take part; all if empty."""


Cost = dict[str, float]
"""Microseconds of CPU per unit, by place (see `systems.cpu_by_place`)."""


class BadLoad(Exception):
    """An answer was not what it should be: the figures would mean nothing."""


def loads(asked: argparse.Namespace) -> list[Load]:
    n = asked.requests
    relays = ("gateway", "nginx")
    found = [
        Load("JSON request", "json", n),
        Load("JSON request, priced", "json", n, priced=True, only=("gateway", "bare")),
        Load("chunk at full speed", "sse-4000", 48, stream=True, only=relays),
    ]
    if asked.paced:
        paced = Load("chunk, 200 streams at 20/s", "paced-100", 200, connections=200, stream=True, only=relays)
        found.append(paced)
    return found


def measure(system: System, load: Load) -> Cost:
    """One round: CPU before and after, divided by what was answered."""
    name = f"{load.model}-priced" if load.priced else load.model
    command = [sys.executable, str(systems.HERE / "load.py"), str(system.port), system.key, name]
    command += [f"--connections={load.connections}", f"--requests={load.requests}", f"--seconds={LOAD_SECONDS}"]
    before, asked = system.cpu(), system.operations()
    done = subprocess.run(
        [*systems.pinned(1), *command, *(["--stream"] if load.stream else [])],
        capture_output=True,
        text=True,
        timeout=LOAD_SECONDS + 30,
        check=False,
    )
    after = system.cpu()
    if done.returncode:
        raise BadLoad(done.stderr[-1000:])
    told = json.loads(done.stdout)
    if told["faults"] or told["answers"] != load.requests:
        raise BadLoad(f"{system.name}, {load.title}: {told}")
    units = load.requests
    if load.stream:
        units *= int(load.model.partition("-")[2])
        # A proxy may cut its chunks anywhere, also through the mark that events are counted by.
        if told["events"] < 0.95 * units:
            raise BadLoad(f"{system.name}, {load.title}: {told['events']} of {units} events came")
    costs = {place: (after[place] - before[place]) / units * 1e6 for place in after}
    return costs | {"operations": (system.operations() - asked) / units}


@contextlib.contextmanager
def running(names: Sequence[str]) -> Iterator[dict[str, System]]:
    """The systems that can run here, with the mock behind them; all stopped at the end."""
    found: dict[str, System] = {}
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, contextlib.ExitStack() as stack:
        upstream = systems.mock(Path(folder))
        stack.callback(upstream.stop)
        for name in names:
            try:
                found[name] = MAKERS[name](Path(folder), upstream)
            except NotThere as reason:
                print(f"without {name}: {reason}", flush=True)
            else:
                stack.callback(found[name].stop)
        yield found


def rounds(found: dict[str, System], asked: argparse.Namespace) -> dict[tuple[str, str], Cost]:
    """Medians over rounds in which the systems take turns; the first round warms up and does not count."""
    costs: dict[tuple[str, str], list[Cost]] = {}
    for number in range(asked.rounds + 1):
        for load in loads(asked):
            for name, system in found.items():
                if load.only and name not in load.only:
                    continue
                cost = measure(system, load)
                print(f"  round {number}  {name:8} {load.title:28} {cost['loop']:8.1f} us", flush=True)
                if number:
                    costs.setdefault((load.title, name), []).append(cost)
    columns = (*PLACES, "operations")
    return {key: {place: median(cost[place] for cost in many) for place in columns} for key, many in costs.items()}


def table(costs: dict[tuple[str, str], Cost]) -> None:
    """What was found, and how it compares inside this run. The ratios are those of the first column."""
    heads = " ".join(f"{head:>8}" for head in ("system", "driver", "mongod", "asked", "x hello", "x nginx"))
    print(f"\n{'CPU us per':28} {'system':8} {heads}")
    for (title, name), cost in costs.items():
        figures = " ".join(f"{cost[place]:8.1f}" for place in PLACES) + f" {cost['operations']:8.3f}"
        ratios = " ".join(f"{_ratio(cost, _base(costs, title, other)):>8}" for other in ("hello", "nginx"))
        print(f"{title:28} {name:8} {figures} {ratios}")
    print(
        "\ndriver: the threads in which the database driver works; mongod: the server, with the load's own questions;"
    )
    print("asked: operations of MongoDB a unit. dry: without the ledger's database work; bare: without the ledger.\n")


def _base(costs: dict[tuple[str, str], Cost], title: str, name: str) -> Cost | None:
    """A priced request is compared with the free one of a system that knows no prices."""
    return costs.get((title.removesuffix(", priced"), name))


def _ratio(cost: Cost, other: Cost | None) -> str:
    return f"{cost['loop'] / other['loop']:.2f}" if other and other["loop"] else "-"


def verdicts(costs: dict[tuple[str, str], Cost]) -> list[tuple[str, bool]]:
    """The aims that can be judged by what was measured."""
    found = []
    own, yardstick = costs.get(("JSON request", "dry")), costs.get(("JSON request", "hello"))
    if own and yardstick and yardstick["loop"]:
        ratio = own["loop"] / yardstick["loop"]
        sentence = f"JSON request without the ledger's database work: {ratio:.2f} x hello world, aim {AIM_HELLO}"
        found.append((sentence, ratio <= AIM_HELLO))
    ledger, bare = (costs.get(("JSON request, priced", name)) for name in ("gateway", "bare"))
    if ledger and bare:
        more = sum(ledger[place] - bare[place] for place in ("loop", "driver"))
        found.append((f"the ledger: {more:.0f} us of ours a priced request, aim {AIM_LEDGER:g}", more <= AIM_LEDGER))
        asked = ledger["operations"] - bare["operations"]
        found.append((f"the ledger asks MongoDB {asked:.3f} times a request, aim {AIM_ASKED}", asked <= AIM_ASKED))
    chunk = costs.get(("chunk at full speed", "gateway"))
    if chunk:
        found.append((f"relayed chunk: {chunk['loop']:.1f} us, aim {AIM_CHUNK}", chunk["loop"] <= AIM_CHUNK))
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="rounds that count (default 5)")
    parser.add_argument("--requests", type=int, default=3000, help="JSON requests a round (default 3000)")
    parser.add_argument("--systems", default=",".join(MAKERS), help=f"some of {','.join(MAKERS)}")
    parser.add_argument("--paced", action="store_true", help="also 200 streams at 20 events a second")
    parser.add_argument("--quick", action="store_true", help="2 rounds of 1000 requests")
    parser.add_argument("--check", action="store_true", help="exit code 1 if an aim is missed or cannot be judged")
    asked = parser.parse_args()
    if asked.quick:
        asked.rounds, asked.requests = 2, 1000
    with running(asked.systems.split(",")) as found:
        costs = rounds(found, asked)
    table(costs)
    aims = verdicts(costs)
    for sentence, met in aims:
        print(f"{'met   ' if met else 'MISSED'}  {sentence}")
    return 1 if asked.check and not (len(aims) == 4 and all(met for _, met in aims)) else 0


if __name__ == "__main__":
    sys.exit(main())
