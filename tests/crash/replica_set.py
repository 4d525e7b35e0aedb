"""A real replica set of three on loopback, whose members can be killed, stopped and brought back."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from tests.ports import free_ports
from tornadogw.store.mongod_find import find_mongod

NAME = "crash"
ELECTION_MS = 2000
START_SECONDS = 60.0


def free_port() -> int:
    """A port of loopback that nobody uses now, nor while its server is being killed and started again."""
    return free_ports()


def until(true: Callable[[], bool], seconds: float, what: str) -> None:
    """Wait for something that comes about by itself."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            raise AssertionError(f"after {seconds:g} s still not: {what}")
        time.sleep(0.05)


class Member:
    """One mongod."""

    def __init__(self, folder: Path, binary: Path) -> None:
        self.port = free_port()
        self._folder, self._binary = folder, binary
        self.process: subprocess.Popen[bytes] | None = None
        folder.mkdir()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        self.process = subprocess.Popen(
            [
                self._binary,
                "--dbpath",
                str(self._folder),
                "--port",
                str(self.port),
                "--bind_ip",
                "127.0.0.1",
                "--replSet",
                NAME,
                "--networkMessageCompressors",
                "disabled",
                "--wiredTigerCacheSizeGB",
                "0.25",
                "--oplogSize",
                "64",
                "--quiet",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def signal(self, number: int) -> None:
        assert self.process is not None
        os.kill(self.process.pid, number)


class ReplicaSet:
    """`with ReplicaSet(folder) as mongo: ... mongo.url`."""

    def __init__(self, folder: Path) -> None:
        binary = find_mongod().path
        self.members = [Member(folder / f"mongod-{number}", binary) for number in range(3)]
        self.url = f"mongodb://{','.join(each.host for each in self.members)}/?replicaSet={NAME}"
        self._client: MongoClient[dict[str, Any]] | None = None

    @property
    def client(self) -> MongoClient[dict[str, Any]]:
        """Reads what a majority has, whoever is primary."""
        assert self._client is not None
        return self._client

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _start(self) -> None:
        for member in self.members:
            member.start()
        members = [{"_id": number, "host": member.host} for number, member in enumerate(self.members)]
        settings = {"electionTimeoutMillis": ELECTION_MS, "heartbeatIntervalMillis": 500}
        config = {"_id": NAME, "members": members, "settings": settings}
        with MongoClient(self.members[0].host, directConnection=True, serverSelectionTimeoutMS=20_000) as direct:
            until(lambda: answers(direct), START_SECONDS, "the first member answers")
            until(lambda: begun(direct, config), START_SECONDS, "the set begins")  # once all members answer
        self._client = MongoClient(self.url, timeoutMS=5000, readConcernLevel="majority", w="majority")
        until(lambda: self.primary() is not None, START_SECONDS, "there is a primary")

    def __exit__(self, *_: object) -> None:
        if self._client is not None:
            self._client.close()
        for member in self.members:
            if member.process is not None:
                member.signal(signal.SIGCONT)
                member.process.kill()
                member.process.wait()

    def primary(self) -> Member | None:
        """The member that is primary now, if one says so."""
        try:
            host = self.client.admin.command("hello").get("primary", "")
        except PyMongoError:
            return None
        return next((member for member in self.members if member.host == host), None)


def begun(client: MongoClient[dict[str, Any]], config: dict[str, Any]) -> bool:
    try:
        client.admin.command("replSetInitiate", config)
    except PyMongoError:
        return False
    return True


def answers(client: MongoClient[dict[str, Any]]) -> bool:
    try:
        client.admin.command("ping")
    except PyMongoError:
        return False
    return True
