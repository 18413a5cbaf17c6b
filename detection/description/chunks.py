"""Where this site's feature chunks lie: in a folder, or in the bucket of its storage."""

from django.conf import settings
from django.core.files.storage import FileSystemStorage, default_storage

from amberapp import storage
from amberapp.errors import NotThere
from detection.description.feature_store import BucketChunks, Store

GIGABYTE = 2**30


def chunk_store() -> Store:
    """The feature store of the site's settings. With a bucket, FEATURE_STORE holds no more than copies."""
    if isinstance(default_storage, FileSystemStorage):
        return settings.FEATURE_STORE
    return BucketChunks(
        folder=settings.FEATURE_STORE,
        put=storage.put,
        get=_get,
        limit=settings.AMBER["AMBER_FEATURE_CACHE_GB"] * GIGABYTE,
    )


def _get(key: str) -> bytes:
    try:
        return storage.get(key)
    except NotThere as error:
        raise FileNotFoundError(str(error)) from None
