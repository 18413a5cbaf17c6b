"""What the foundation tells to whoever listens on the floors above, which it does not know."""

from django.dispatch import Signal

# The sweeper has made its round: housekeeping that belongs to nobody's request may be done now.
swept = Signal()
