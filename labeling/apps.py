from django.apps import AppConfig
from django.conf import settings
from django.db.models.signals import post_migrate


class LabelingConfig(AppConfig):
    name = "labeling"
    verbose_name = "What people say"

    def ready(self) -> None:
        if settings.AMBER["AMBER_REPORT_KEY"]:
            from labeling.reports.email_encryption import encrypt

            encrypt(
                "x"
            )  # a wrong key is told when the site starts, not to the first citizen who leaves an address

        from labeling import receivers  # noqa: F401  connects them
        from labeling.crowd.default_look_alikes import write_first_list

        post_migrate.connect(write_first_list, sender=self)
