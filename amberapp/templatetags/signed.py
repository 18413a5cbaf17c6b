"""Differences as people write them: with a sign, a true minus, and none where they round to zero."""

from django import template
from django.template.defaultfilters import floatformat

register = template.Library()


@register.filter
def signed(value: float, places: int = 2) -> str:
    """The number with `places` digits after the point, in the reader's language: +1.50, −0.20, 0.00."""
    size = floatformat(abs(value), f"{places}g")
    if not round(value, places):
        return size
    return f"{'+' if value > 0 else '−'}{size}"
