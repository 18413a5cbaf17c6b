"""What Amber's frame needs to know of allauth's own elements."""

from typing import Any

from django import template

register = template.Library()

DANGEROUS = {"danger", "delete"}
QUIET = {"outline", "secondary", "link", "cancel"}


@register.filter
def button_style(attrs: dict[str, Any]) -> str:
    """Of a button or a link with the attributes that allauth gives it: what destroys, what is beside, what is the way on."""
    tags = _tags(attrs)
    if tags & DANGEROUS:
        return "btn--danger"
    return "btn--quiet" if tags & QUIET or attrs.get("href") else "btn--primary"


@register.filter
def badge_style(attrs: dict[str, Any]) -> str:
    tags = _tags(attrs)
    if tags & {"success", "verified"}:
        return "tag--good"
    if "warning" in tags:
        return "tag--amber"
    return "tag--danger" if "danger" in tags else ""


def _tags(attrs: dict[str, Any]) -> set[str]:
    return {tag.strip() for tag in str(attrs.get("tags") or "").split(",")}
