"""What Amber's frame needs to know of allauth's own elements."""

from typing import Any

from django import template

register = template.Library()

DANGEROUS = {"danger", "delete"}
QUIET = {"outline", "secondary", "link", "cancel"}


@register.filter
def button_style(attrs: dict[str, Any]) -> str:
    """Of a button or a link with the attributes that allauth gives it: what destroys, what is beside, what is the way on."""
    tags = {tag.strip() for tag in str(attrs.get("tags") or "").split(",")}
    if tags & DANGEROUS:
        return "btn--danger"
    return "btn--quiet" if tags & QUIET or attrs.get("href") else "btn--primary"
