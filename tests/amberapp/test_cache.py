"""What the Redis cache holds can be read by eye and runs nothing."""

import pickle

import pytest

from amberapp.web.cache import JSONSerializer, SteadyRedisCache


@pytest.mark.parametrize("value", [0, 7, True, None, "бурштин", [1.5, 2.25], {"a": [1, None]}])
def test_what_goes_in_comes_out(value: object) -> None:
    serializer = JSONSerializer()
    stored = serializer.dumps(value)
    assert serializer.loads(stored if isinstance(stored, bytes) else str(stored).encode()) == value


def test_a_pickle_that_somebody_put_there_is_refused() -> None:
    with pytest.raises(ValueError, match=r".*"):
        JSONSerializer().loads(pickle.dumps([1, 2]))


def test_pages_and_their_limits_go_on_when_redis_is_away(free_port):
    cache = SteadyRedisCache(f"redis://127.0.0.1:{free_port}/0", {})
    assert cache.get("tries") is None
    cache.set("tries", 1)
    assert cache.incr("tries") == 2
    assert not cache.add("tries", 9)
    assert cache.get_many(["tries", "none"]) == {"tries": 2}
    cache.delete("tries")
    assert not cache.has_key("tries")
