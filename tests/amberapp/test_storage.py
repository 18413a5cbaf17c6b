"""Files under keys: written whole or not at all, on local disk and on an S3-compatible server."""

import shutil
import subprocess
import sys
import time
import urllib.request
from dataclasses import replace

import numpy as np
import pytest

from amberapp import storage
from amberapp.errors import NotThere
from detection.description import feature_store
from detection.description.chunks import chunk_store


def test_a_file_comes_back_as_it_was_and_its_key_names_its_content(home):
    key = storage.content_key("images", b"ground", ".jpg")
    assert storage.put(key, b"ground") == key
    assert storage.get(key) == b"ground"
    assert storage.sha256_of(b"ground") in key
    assert storage.exists(key)


def test_a_missing_file_is_named(home):
    with pytest.raises(NotThere, match="images/aa/none.jpg"):
        storage.get("images/aa/none.jpg")


def test_a_write_that_breaks_off_leaves_nothing(home, monkeypatch):
    monkeypatch.setattr(
        storage.os, "replace", lambda *args: (_ for _ in ()).throw(OSError(28, "No space left"))
    )
    with pytest.raises(OSError, match="No space left"):
        storage.put("images/aa/x.jpg", b"ground")
    assert [path for path in home.rglob("*") if path.is_file()] == []


@pytest.fixture
def s3_server(free_port):
    """moto's S3 server, in a process of its own."""
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(free_port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{free_port}"
    for _attempt in range(100):
        try:
            urllib.request.urlopen(f"{address}/moto-api/", timeout=1).close()
            break
        except OSError:
            time.sleep(0.1)
    yield address
    server.terminate()
    server.wait(10)


@pytest.fixture
def bucket(s3_server, settings):
    """The site's storage is a bucket."""
    import boto3

    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
    boto3.client("s3", endpoint_url=s3_server, **keys).create_bucket(Bucket="amber")
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {
            "BACKEND": "storages.backends.s3.S3Storage",
            "OPTIONS": {
                "bucket_name": "amber",
                "endpoint_url": s3_server,
                "region_name": "us-east-1",
                "access_key": "test",
                "secret_key": "test",
                "file_overwrite": True,
                "default_acl": None,
            },
        },
    }


@pytest.mark.slow
def test_files_live_on_an_s3_compatible_server_when_a_bucket_is_named(bucket):
    key = storage.content_key("rasters", b"pieces", ".png")
    storage.put(key, b"pieces")
    storage.put(key, b"pieces")
    assert storage.get(key) == b"pieces"
    with pytest.raises(NotThere):
        storage.get("rasters/none.png")


@pytest.mark.slow
def test_features_live_in_the_bucket_and_a_machine_keeps_few_copies(bucket, settings, home):
    store = replace(chunk_store(), limit=30_000)
    arrays = [np.full((50, 100), number, np.float16) for number in range(5)]
    paths = [feature_store.write_chunk(store, "made", array)[0] for array in arrays]
    assert feature_store.write_chunk(store, "made", arrays[0])[0] == paths[0]
    assert all(storage.exists(f"features/{path}") for path in paths)
    for _round in range(2):
        for path, array in zip(paths, arrays, strict=True):
            assert np.array_equal(feature_store.read_rows(store, path, 10, 20), array[10:30])
            copies = list(settings.FEATURE_STORE.rglob("*.npy"))
            assert sum(copy.stat().st_size for copy in copies) <= store.limit
    shutil.rmtree(settings.FEATURE_STORE)
    assert len(feature_store.read_rows(store, paths[0], 0, 50)) == 50, "another machine has no copy yet"
    assert list(home.rglob(".part-*")) == []


@pytest.mark.slow
def test_a_torn_copy_is_fetched_again_and_a_damaged_chunk_in_the_bucket_is_refused(bucket, settings):
    store = chunk_store()
    path, _digest = feature_store.write_chunk(store, "made", np.ones((5, 4), np.float16))
    copy = settings.FEATURE_STORE / path
    data = copy.read_bytes()
    copy.unlink()
    copy.write_bytes(data[:-3])
    assert feature_store.read_rows(store, path, 0, 5).sum() == 20
    assert copy.read_bytes() == data
    copy.unlink()
    storage.put(f"features/{path}", data[:-3] + b"abc")
    with pytest.raises(feature_store.DamagedChunk, match="restore it from a backup"):
        feature_store.read_rows(store, path, 0, 5)
    with pytest.raises(FileNotFoundError):
        feature_store.read_rows(store, "made/00/none.npy", 0, 5)


@pytest.mark.slow
def test_a_bucket_that_does_not_answer_is_trouble_with_the_storage(bucket, settings, free_port):
    settings.STORAGES["default"]["OPTIONS"]["endpoint_url"] = f"http://127.0.0.1:{free_port + 1}"
    settings.STORAGES = dict(settings.STORAGES)
    with pytest.raises(Exception) as caught:
        storage.get("images/none.jpg")
    assert "does not take or give files" in storage.trouble_with(caught.value)
    assert storage.trouble_with(ValueError("no disk")) == ""
