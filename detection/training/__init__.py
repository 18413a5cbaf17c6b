"""Frozen datasets, classifiers fitted on them, and honest figures about both."""
