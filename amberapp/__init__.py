"""Foundation: settings, users and roles, audit, jobs, storage, errors. Knows no other app."""

from amberapp.configuration import pin_pools

pin_pools()  # before anything that could import NumPy

from amberapp.celery import app as celery_app  # noqa: E402

__all__ = ["celery_app"]
