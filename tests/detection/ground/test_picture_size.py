"""How large a picture of a tile is, told before it is made: labels in release files go by it."""

import random

import pytest
from PIL import Image

from detection.ground.pictures import picture_size


@pytest.mark.parametrize(
    ("image", "size", "told"),
    [
        ((1600, 1200), 1000, (1000, 750)),
        ((1200, 1600), 1000, (750, 1000)),
        ((2000, 2000), 1000, (1000, 1000)),
        ((1000, 800), 1000, (1000, 800)),
        ((200, 200), 1000, (200, 200)),
        ((30_000, 3), 1000, (1000, 1)),
    ],
)
def test_the_longest_side_is_never_longer_and_nothing_is_enlarged(
    image: tuple[int, int], size: int, told: tuple[int, int]
) -> None:
    assert picture_size(*image, size) == told


def test_it_is_the_size_of_pictures_that_sites_keep_already() -> None:
    """They were made with Pillow's thumbnail."""
    chance = random.Random(5)
    for _ in range(500):
        image = chance.randint(1, 2500), chance.randint(1, 2500)
        size = chance.choice((256, 512, 640, 1000))
        made = Image.new("1", image)
        made.thumbnail((size, size))
        assert picture_size(*image, size) == made.size, (image, size)
