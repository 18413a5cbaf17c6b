"""Foundation: settings, users and roles, audit, jobs, storage, errors. Knows no other app."""

from amberapp import pools

pools.pin()  # before anything that could import NumPy

from amberapp.celery import app as celery_app  # noqa: E402

__all__ = ["celery_app"]
