"""The cache in Redis: values as JSON (Django's own way is pickle, which runs whatever somebody put there), nothing in a
server that writes to a disk, and pages that go on when Redis is away."""

import json
import logging
from collections.abc import Callable
from typing import Any

from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.redis import RedisCache
from redis.exceptions import RedisError, ResponseError

logger = logging.getLogger("amber.cache")


class JSONSerializer:
    """Integers stay as they are, so that Redis can count with them. Raises TypeError for what JSON cannot say."""

    def dumps(self, value: Any) -> bytes | int:
        if type(value) is int:
            return value
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()

    def loads(self, data: bytes) -> Any:
        return json.loads(data)


def _steady(name: str) -> Callable[..., Any]:
    def call(self: "SteadyRedisCache", *arguments: Any, **named: Any) -> Any:
        try:
            if self.forgets():
                return getattr(RedisCache, name)(self, *arguments, **named)
            return getattr(self.nearby, name)(*arguments, **named)
        except RedisError as error:
            logger.warning("the cache in Redis does not answer (%s); this process goes by its own", error)
            return getattr(self.nearby, name)(*arguments, **named)

    return call


class SteadyRedisCache(RedisCache):
    """Django's Redis cache; what Redis does not do, a cache in this process's memory does meanwhile.

    The limits on senders and on wrong passwords then count for each process by itself, which is better than no page
    and better than no limit. A server that keeps what it is told, or does not say that it does not, is told nothing: a
    file of its would hold senders' keys long after they ran out.
    """

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self.nearby = LocMemCache("beside Redis", {})
        self._forgets: bool | None = None

    def forgets(self) -> bool:
        """Whether the server writes nothing to a disk; asked once a process. Raises RedisError while it is away."""
        if self._forgets is None:
            client = self._cache.get_client()
            try:
                said = {**client.config_get("appendonly"), **client.config_get("save")}
            except ResponseError:  # a hired server may keep its configuration to itself
                said = {}
            self._forgets = said.get("appendonly") == "no" and said.get("save") == ""
            if not self._forgets:
                logger.error(
                    "AMBER_CACHE_URL names a Redis that writes to a disk, or does not say: it is not used, and each "
                    "process counts by itself. Start it with --save '' --appendonly no (docs/running.md)."
                )
        return self._forgets

    get, set, add = _steady("get"), _steady("set"), _steady("add")
    touch, delete, has_key, incr = _steady("touch"), _steady("delete"), _steady("has_key"), _steady("incr")
    get_many, set_many, delete_many = _steady("get_many"), _steady("set_many"), _steady("delete_many")
