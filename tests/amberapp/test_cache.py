"""What the Redis cache holds can be read by eye and runs nothing."""

import logging
import pickle
import subprocess
from pathlib import Path

import pytest

from amberapp.web.cache import JSONSerializer, SteadyRedisCache
from scripts.environment import REDIS
from scripts.redis_server import COUNTS, QUEUE, configure
from tests.waiting import eventually


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


@pytest.mark.parametrize(("variable", "used"), [(COUNTS, True), (QUEUE, False)])
def test_a_server_that_keeps_what_it_is_told_is_told_nothing(
    variable: str, used: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Its append-only file would hold senders' keys long after they ran out."""
    import redis

    executable = REDIS.find()
    assert executable
    (tmp_path / "run").mkdir()
    server = configure(tmp_path, executable, variable)
    process = subprocess.Popen(server.program.command)
    try:
        assert eventually(server.answers, 10)
        cache = SteadyRedisCache(server.url, {})
        with caplog.at_level(logging.ERROR, "amber.cache"):
            cache.set("report:sender", 1, 60)
            assert cache.incr("report:sender") == 2
        keys = redis.Redis.from_url(server.url).keys()
        assert len(keys) == used
        assert ("writes to a disk" in caplog.text) is not used
    finally:
        process.terminate()
        process.wait(10)
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"report:sender" not in written
