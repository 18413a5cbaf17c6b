"""Foundation: settings, users and roles, audit, jobs, storage, errors. Knows no other app."""

from amberapp.celery import app as celery_app

__all__ = ["celery_app"]
