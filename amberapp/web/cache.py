"""The cache in Redis: values as JSON (Django's own way is pickle, which runs whatever somebody put there), and pages that
go on when Redis is away or its disk is full."""

import json
import logging
from collections.abc import Callable
from typing import Any

from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.redis import RedisCache
from redis.exceptions import RedisError

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
            return getattr(RedisCache, name)(self, *arguments, **named)
        except RedisError as error:
            logger.warning("the cache in Redis does not answer (%s); this process goes by its own", error)
            return getattr(self.nearby, name)(*arguments, **named)

    return call


class SteadyRedisCache(RedisCache):
    """Django's Redis cache; what Redis does not do, a cache in this process's memory does meanwhile.

    The limits on senders and on wrong passwords then count for each process by itself, which is better than no page
    and better than no limit.
    """

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self.nearby = LocMemCache("beside Redis", {})

    get, set, add = _steady("get"), _steady("set"), _steady("add")
    touch, delete, has_key, incr = _steady("touch"), _steady("delete"), _steady("has_key"), _steady("incr")
    get_many, set_many, delete_many = _steady("get_many"), _steady("set_many"), _steady("delete_many")
