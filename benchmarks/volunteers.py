"""Simulated volunteers who talk HTTP to a site: they ask for tiles, think, send, and misbehave as networks do.

One asyncio loop and a few lines of HTTP of its own, so that a thousand of them cost a small part of what the
server costs. What the server acknowledged is written down, to be compared with the database afterwards. Nothing here
knows Django.
"""

import asyncio
import hashlib
import json
import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from benchmarks.crowd_site import Person

NEXT, SUBMIT, RELEASE = "/api/desk/next/", "/api/desk/submissions/", "/api/desk/claims/release/"
TOKEN = "c" * 32  # a CSRF token is whatever cookie and header agree on


class Unanswered(Exception):
    """The connection broke before the answer came; whether the server did what it was asked is not known."""


class Line:
    """One kept-alive connection of one person."""

    def __init__(self, port: int, session: str) -> None:
        self.port = port
        self.head = (
            f"Host: 127.0.0.1\r\nCookie: sessionid={session}; csrftoken={TOKEN}\r\nX-CSRFToken: {TOKEN}\r\n"
            "Content-Type: application/json\r\nAccept-Language: en\r\n"
        )
        self.reader: asyncio.StreamReader | None = None
        self.writer: asyncio.StreamWriter | None = None

    async def post(self, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        """(status, answer). Raises Unanswered when the server went away."""
        data = json.dumps(body).encode()
        request = f"POST {path} HTTP/1.1\r\n{self.head}Content-Length: {len(data)}\r\n\r\n".encode() + data
        used = self.writer is not None
        try:
            return await self._exchange(request)
        except (OSError, asyncio.IncompleteReadError) as error:
            self.close()
            if not used:
                raise Unanswered from error
        # The server closes connections that were idle; every request here may safely be made again.
        try:
            return await self._exchange(request)
        except (OSError, asyncio.IncompleteReadError) as error:
            self.close()
            raise Unanswered from error

    async def _exchange(self, request: bytes) -> tuple[int, Any]:
        if self.reader is None or self.writer is None:
            self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        self.writer.write(request)
        await self.writer.drain()
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = int(head.split("content-length:")[1].split("\r\n")[0])
        body = await self.reader.readexactly(length)
        if "connection: close" in head:
            self.close()
        status = int(head.split(" ", 2)[1])
        return status, json.loads(body) if "json" in head and body else None

    async def post_and_hang_up(self, path: str, body: dict[str, Any]) -> None:
        """Send a request and do not wait for its answer, as a phone does that loses the network."""
        data = json.dumps(body).encode()
        request = f"POST {path} HTTP/1.1\r\n{self.head}Content-Length: {len(data)}\r\n\r\n".encode() + data
        _reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(request)
        await writer.drain()
        await asyncio.sleep(0.005)
        writer.close()

    def close(self) -> None:
        if self.writer is not None:
            self.writer.close()
        self.reader = self.writer = None


@dataclass(frozen=True)
class Habits:
    """How the volunteers behave; shares of their tiles.

    think: seconds from tile to labels, `shortest` plus an exponential time of mean think − shortest
    """

    think: float = 10.0
    shortest: float = 1.1
    accuracy: float = 0.9
    twice: float = 0.05
    hang_up: float = 0.03
    give_back: float = 0.03
    let_lapse: float = 0.02


@dataclass
class Log:
    """What happened, as the clients saw it."""

    next_seconds: list[float] = field(default_factory=list)
    submit_seconds: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    # id -> (person, tile, number of labels), of what the server said 201 to
    acknowledged: dict[UUID, tuple[int, int, int]] = field(default_factory=dict)
    unanswered: dict[UUID, tuple[Person, dict[str, Any]]] = field(default_factory=dict)
    served: dict[int, Counter[int]] = field(default_factory=dict)  # person -> tile -> how often it came anew
    abandoned: list[tuple[int, int]] = field(default_factory=list)  # (person, tile), waiting to run out
    wrong: list[str] = field(default_factory=list)
    breaks: int = 0
    sending: int = 0  # labels that are under way at the moment

    def answered(self, status: int, answer: Any) -> None:
        self.statuses[status] += 1
        if status >= 400:
            self.wrong.append(f"{status}: {answer}")

    def twice_to_one_person(self) -> int:
        return sum(times > 1 for tiles in self.served.values() for times in tiles.values())

    def percentiles(self) -> dict[str, tuple[float, float, float]]:
        return {"next": _percentiles(self.next_seconds), "submit": _percentiles(self.submit_seconds)}


def _percentiles(seconds: Sequence[float]) -> tuple[float, float, float]:
    """p50, p95, p99 in milliseconds; NaN where nothing was measured."""
    ordered = sorted(seconds)
    if not ordered:
        return (float("nan"),) * 3
    at = [ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000 for share in (0.5, 0.95, 0.99)]
    return at[0], at[1], at[2]


class Volunteer:
    """One person at one desk."""

    def __init__(self, person: Person, port: int, region: str, habits: Habits, log: Log) -> None:
        self.person, self.habits, self.log, self.region = person, habits, log, region
        self.line, self.second = Line(port, person.session), Line(port, person.session)
        self.held: list[int] = []
        self.until = 0.0  # time.monotonic(), when to stop
        self.chance = random.Random(person.pk)

    async def ask(self) -> dict[str, Any] | None:
        began = time.perf_counter()
        status, answer = await self.line.post(NEXT, {"region": self.region, "held": self.held[-100:]})
        self.log.next_seconds.append(time.perf_counter() - began)
        self.log.answered(status, answer)
        if status != 200:
            return None
        tile = answer["tile"]
        if tile is None:
            self.log.reasons[answer["reason"]] += 1
            return None
        number = tile["segmented_tile"]
        self.log.served.setdefault(self.person.pk, Counter())[number] += 1
        self.held.append(number)
        return dict(tile)

    def says(self, tile: dict[str, Any]) -> dict[str, Any]:
        """Labels of every superpixel, right as often as this person is."""
        labels = []
        for superpixel in range(1, tile["superpixels"] + 1):
            true = hashlib.blake2b(f"{tile['segmented_tile']} {superpixel}".encode()).digest()[0] < 50
            right = self.chance.random() < self.habits.accuracy
            labels.append({"superpixel": superpixel, "verdict": "mining" if true == right else "not_mining"})
        return {"id": str(uuid4()), "segmented_tile": tile["segmented_tile"], "labels": labels}

    async def send(self, body: dict[str, Any], line: Line | None = None) -> int:
        """The status. What was acknowledged is written down, and what was not."""
        number = UUID(body["id"])
        began = time.perf_counter()
        self.log.sending += 1
        try:
            status, answer = await (line or self.line).post(SUBMIT, body)
        except Unanswered:
            self.log.unanswered[number] = (self.person, body)
            raise
        finally:
            self.log.sending -= 1
        self.log.submit_seconds.append(time.perf_counter() - began)
        self.log.answered(status, answer)
        if status == 201:
            self.log.acknowledged[number] = (self.person.pk, body["segmented_tile"], len(body["labels"]))
        return status

    def thinking(self) -> float:
        shortest = min(self.habits.shortest, self.habits.think)
        mean = self.habits.think - shortest
        return shortest + (self.chance.expovariate(1 / mean) if mean > 0 else 0.0)

    async def label(self, tile: dict[str, Any]) -> None:
        """Do one tile, in one of the ways in which people do."""
        number = tile["segmented_tile"]
        habits, drawn = self.habits, self.chance.random()
        if drawn < habits.give_back:
            status, answer = await self.line.post(RELEASE, {"tiles": [number]})
            self.log.answered(status, answer)
            return
        body = self.says(tile)
        drawn -= habits.give_back
        if drawn < habits.let_lapse:
            self.log.abandoned.append((self.person.pk, number))
            comes_back = self.chance.random() < 0.5
            if comes_back and await self.think(2.0):
                await self.send(body)
        elif drawn < habits.let_lapse + habits.twice:
            await asyncio.gather(self.send(body), self.send(body, self.second))
        elif drawn < habits.let_lapse + habits.twice + habits.hang_up:
            await self.second.post_and_hang_up(SUBMIT, body)
            await self.send(body)
        else:
            await self.send(body)

    async def think(self, more: float = 0.0) -> bool:
        """A thinking time. False when the end comes first: then this person has gone home and sends nothing."""
        seconds = self.thinking() + more
        left = self.until - time.monotonic()
        await asyncio.sleep(max(0.0, min(seconds, left)))
        return seconds < left

    async def work(self, ramp: float) -> None:
        """Tile after tile until `until`, which may be changed meanwhile; the first within `ramp` seconds."""
        await asyncio.sleep(self.chance.random() * ramp)
        while time.monotonic() < self.until:
            try:
                tile = await self.ask()
                if await self.think() and tile is not None:
                    await self.label(tile)
            except Unanswered:
                self.log.breaks += 1
                await asyncio.sleep(0.2)

    def close(self) -> None:
        self.line.close()
        self.second.close()


async def everybody_asks(volunteers: Sequence[Volunteer]) -> list[dict[str, Any] | None]:
    """The wave: all of them ask at the same moment, over connections that are open already."""
    for volunteer in volunteers:
        reader_writer = await asyncio.open_connection("127.0.0.1", volunteer.line.port)
        volunteer.line.reader, volunteer.line.writer = reader_writer
    return await asyncio.gather(*(volunteer.ask() for volunteer in volunteers))


async def everybody_works(volunteers: Sequence[Volunteer], seconds: float, ramp: float = 0.0) -> None:
    """All come within `ramp` seconds and work for `seconds` after that; times are kept of the latter only.

    Exponential thinking times have no memory: once everybody has a tile, labels arrive at an even rate.
    """
    log = volunteers[0].log
    for volunteer in volunteers:
        volunteer.until = time.monotonic() + ramp + seconds
    working = asyncio.gather(*(volunteer.work(ramp) for volunteer in volunteers))
    await asyncio.sleep(ramp)
    log.next_seconds.clear()
    log.submit_seconds.clear()
    await working
