"""The files of a release, read and written. Pure: no Django, the same content gives the same bytes."""
