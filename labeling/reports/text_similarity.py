"""Whether two reports say the same, in spite of other digits, other punctuation, a word more or less.

A text's key is a MinHash sketch (Broder, "On the resemblance and containment of documents", 1997): eight minima of
hashes over its letter 5-grams, five hexadecimal digits each. The share of equal minima of two keys estimates the share
of 5-grams that the texts have in common. Keys are compared, texts need not be read again.

Left out: meaning. A translation, or the same thought in other words, is another text; so is what a machine has
written anew each time.
"""

import hashlib
import re
import struct
import unicodedata
from collections import defaultdict
from collections.abc import Iterable

PARTS = 8
DIGITS = 5
SHINGLE = 5
# Equal minima from which on two texts count as one: about half of all 5-grams in common.
ENOUGH = 4
# Keys of so few letters say little: "forest", "ліс".
SHORT = 24

_LINK = re.compile(r"(?:https?://|www\.)\S+")
_NUMBER = re.compile(r"\d+")
_OTHER = re.compile(r"[\W_]+")
# Odd multipliers for eight permutations of one 64-bit hash of a shingle.
_MASK = 2**64 - 1
_MIXERS = tuple(
    struct.unpack("<Q", hashlib.sha256(b"amber text %d" % number).digest()[:8])[0] | 1
    for number in range(PARTS)
)


def normalised(text: str) -> str:
    """Lower case, one space between words; links and numbers are replaced by a mark each."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    plain = _NUMBER.sub(" 0 ", _LINK.sub(" link ", plain))
    return _OTHER.sub(" ", plain).strip()


def words_in(text: str) -> int:
    """How many different words of three letters or more."""
    return len({word for word in normalised(text).split() if len(word) >= 3})


def has_link(text: str) -> bool:
    return _LINK.search(text.casefold()) is not None


def text_key(text: str) -> str:
    """Forty hexadecimal digits that are equal for equal texts and alike for texts alike; "" for a text without words."""
    plain = normalised(text)
    if not plain:
        return ""
    shingles = {plain[start : start + SHINGLE] for start in range(max(1, len(plain) - SHINGLE + 1))}
    hashes = [
        struct.unpack("<Q", hashlib.blake2b(shingle.encode(), digest_size=8).digest())[0]
        for shingle in shingles
    ]
    minima = (min((value * mixer & _MASK) >> 24 for value in hashes) for mixer in _MIXERS)
    # The minima crowd at the low end: it is their last digits that tell them apart.
    return "".join(f"{minimum & 0xFFFFF:0{DIGITS}x}" for minimum in minima)


def alike(one: str, other: str) -> bool:
    """Whether the texts behind two keys count as one. Two texts without words are not alike."""
    if not one or not other:
        return False
    return one == other or sum(a == b for a, b in zip(_parts(one), _parts(other), strict=True)) >= ENOUGH


def clusters(keys: Iterable[str]) -> dict[str, str]:
    """For each of the different keys the key that stands for its cluster: the least of those it is alike with.

    Each key is compared with those that share a quarter of it, so the work grows with what is alike and not with the
    square of all. Keys that are alike through a third one are in one cluster. "" is left out.
    """
    different = sorted({key for key in keys if key})
    leader = {key: key for key in different}

    def find(key: str) -> str:
        while leader[key] != key:
            leader[key] = leader[leader[key]]
            key = leader[key]
        return key

    buckets: dict[tuple[int, str], list[str]] = defaultdict(list)
    for key in different:
        parts = _parts(key)
        for first in range(PARTS - 1):
            # Two neighbouring minima together: by chance equal for few pairs, for alike texts in one of seven places
            # nearly always.
            buckets[(first, parts[first] + parts[first + 1])].append(key)
    for together in buckets.values():
        for key in together[1:]:
            one, other = find(together[0]), find(key)
            if one != other and alike(together[0], key):
                leader[max(one, other)] = min(one, other)
    return {key: find(key) for key in different}


def _parts(key: str) -> list[str]:
    return [key[start : start + DIGITS] for start in range(0, PARTS * DIGITS, DIGITS)]
