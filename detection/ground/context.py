"""What every template knows of the imagery."""

from typing import Any

from django.db import DatabaseError
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from detection.models import ImagerySource, Region


def _synthetic() -> bool:
    try:
        return ImagerySource.objects.filter(synthetic=True).exists()
    except DatabaseError:  # also on the page that says so
        return False


def imagery(request: HttpRequest) -> dict[str, Any]:
    return {
        "imagery": {
            "synthetic": SimpleLazyObject(_synthetic),
            "region": SimpleLazyObject(Region.objects.first),
        }
    }
