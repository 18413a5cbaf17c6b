"""The site's navigation for templates: each tag gives a list of links (amberapp.web.navigation)."""

from django import template

from amberapp.web import navigation

register = template.Library()


@register.simple_tag(takes_context=True)
def site_links(context: template.Context) -> list[navigation.Link]:
    return navigation.site_links(context["request"])


@register.simple_tag(takes_context=True)
def manage_links(context: template.Context) -> list[navigation.Link]:
    return navigation.manage_links(context["request"])


@register.simple_tag(takes_context=True)
def crowd_links(context: template.Context) -> list[navigation.Link]:
    return navigation.crowd_links(context["request"])
