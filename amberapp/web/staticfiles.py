"""Static files under hashed names, with imports between ES modules rewritten to those names."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedStaticFiles(CompressedManifestStaticFilesStorage):
    support_js_module_import_aggregation = True
    # A module's name settles once those of all modules that it imports have: one pass a step of the longest chain.
    max_post_process_passes = 16
