"""The public map's pages, its comparison of releases, and its copy as static files. Asks no database."""
