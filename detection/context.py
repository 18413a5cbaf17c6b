"""What every template knows of the imagery."""

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from detection.models import ImagerySource, Region


def _synthetic() -> bool:
    return ImagerySource.objects.filter(synthetic=True).exists()


def imagery(request: HttpRequest) -> dict[str, Any]:
    return {
        "imagery": {
            "synthetic": SimpleLazyObject(_synthetic),
            "region": SimpleLazyObject(Region.objects.first),
        }
    }
