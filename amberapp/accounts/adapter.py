"""What django-allauth asks of the site: here, not to know addresses."""

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest

from amberapp.web.rate_limit import sender_of


class NamelessAccountAdapter(DefaultAccountAdapter):
    """Counts failed log-ins, sign-ups and resets by the day's name of a sender."""

    def get_client_ip(self, request: HttpRequest) -> str:
        """Not an address, whatever allauth calls it."""
        return sender_of(request)
