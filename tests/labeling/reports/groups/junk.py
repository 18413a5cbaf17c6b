"""What vandals write."""

JUNK = (
    "Cheap pills and casino bonus number {0}, order today at http://shop{0}.example/{0} and win {0} hryvnias"
)
