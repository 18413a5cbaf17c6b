"""Files under keys: written whole or not at all, on local disk and on an S3-compatible server."""

import subprocess
import sys
import time
import urllib.request

import pytest

from amberapp import storage
from amberapp.errors import NotThere


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


@pytest.mark.slow
def test_files_live_on_an_s3_compatible_server_when_a_bucket_is_named(s3_server, settings):
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
    key = storage.content_key("rasters", b"pieces", ".png")
    storage.put(key, b"pieces")
    storage.put(key, b"pieces")
    assert storage.get(key) == b"pieces"
    with pytest.raises(NotThere):
        storage.get("rasters/none.png")
