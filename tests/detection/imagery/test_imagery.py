"""Images as people have them: read rightly, or refused with a sentence; never a crash."""

import io
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from detection.geometry import ground_sample_distance, tile_bounds_from_centre
from detection.imagery.decode import UnreadableImage, read_image
from detection.imagery.names import CropName, parse_crop_name, parse_tile_name
from detection.imagery.placement import placement
from detection.imagery.sidecar import SidecarRow, UnreadableSidecar, read_sidecar
from tests import imagery_files as make

SIZE = (60, 40)
NAME = "51.5_26.5_05_Oct_2015_GMT.jpg"


def refusal(data: bytes) -> str:
    with pytest.raises(UnreadableImage) as caught:
        read_image(data)
    return str(caught.value)


# Pixels ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP", "BMP"])
def test_an_ordinary_picture_comes_out_as_it_is(kind: str) -> None:
    original = make.pixels()
    image = read_image(make.encode(Image.fromarray(original), kind))
    assert (image.width, image.height, image.format) == (60, 40, kind)
    assert image.pixels.dtype == np.uint8 and image.pixels.shape == (40, 60, 3)
    assert image.valid is None and not image.turned
    assert np.abs(image.pixels.astype(int) - original).mean() < 4


def test_the_media_type_is_that_of_the_content() -> None:
    assert read_image(make.jpeg()).media_type == "image/jpeg"
    assert read_image(make.png()).media_type == "image/png"


def test_an_empty_file_is_named_so() -> None:
    assert refusal(b"") == "The file is empty (0 bytes)."


def test_a_text_called_jpg_is_named_so() -> None:
    assert "text, not an image" in refusal(b"Dear Sir or Madam,\r\nplease find attached\r\n" * 40)
    assert "text, not an image" in refusal("Шановні колеги".encode() * 60)


def test_bytes_of_no_format_are_named_so() -> None:
    assert "not an image that Amber can read" in refusal(bytes(range(256)) * 4)


@pytest.mark.parametrize("share", [0.02, 0.3, 0.7, 0.98])
def test_a_truncated_jpeg_is_never_half_a_tile(share: float) -> None:
    data = make.jpeg(400, 300)
    assert "damaged" in refusal(data[: int(len(data) * share)])


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP", "GIF", "BMP"])
def test_a_truncated_file_of_another_kind_is_refused(kind: str) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (80, 80, 3), dtype=np.uint8)
    data = make.encode(Image.fromarray(noise), kind)
    refusal(data[: len(data) // 2])


def test_a_decompression_bomb_is_refused_by_its_header() -> None:
    data = make.bomb()
    assert len(data) < 1_000_000
    assert "40 million pixels" in refusal(data)


def test_a_picture_just_over_the_limit_is_refused_with_its_size() -> None:
    assert "8000×5001" in refusal(make.encode(Image.new("L", (8000, 5001)), "PNG"))


def test_a_picture_of_a_few_pixels_is_no_ground() -> None:
    assert "each side" in refusal(make.encode(Image.new("RGB", (60, 3)), "PNG"))


def test_cmyk_becomes_rgb() -> None:
    red = Image.new("CMYK", SIZE, (0, 255, 255, 0))
    image = read_image(make.encode(red, "JPEG"))
    assert image.pixels.shape == (40, 60, 3)
    assert image.pixels[20, 30].tolist()[0] > 240 and image.pixels[20, 30].tolist()[1] < 15


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bit_grey_keeps_its_shades(kind: str) -> None:
    ramp = np.linspace(0, 65535, 60).astype(np.uint16)[np.newaxis].repeat(40, axis=0)
    image = read_image(make.encode(Image.fromarray(ramp), kind))
    assert image.pixels[0, 0].tolist() == [0, 0, 0]
    assert image.pixels[0, -1].tolist() == [255, 255, 255]
    assert (np.diff(image.pixels[0, :, 0].astype(int)) >= 0).all()


def test_twelve_bits_in_a_sixteen_bit_file_are_not_black() -> None:
    ramp = np.linspace(0, 4095, 60).astype(np.uint16)[np.newaxis].repeat(40, axis=0)
    image = read_image(make.encode(Image.fromarray(ramp), "PNG"))
    assert image.pixels.max() == 255
    assert len(np.unique(image.pixels)) > 50


def test_measured_values_are_no_picture() -> None:
    assert "measured values" in refusal(make.encode(Image.new("F", SIZE, 12.5), "TIFF"))
    assert "measured values" in refusal(make.encode(Image.new("I", SIZE, -40), "TIFF"))


def test_a_palette_is_looked_up() -> None:
    original = Image.fromarray(make.pixels()).convert("P", palette=Image.Palette.ADAPTIVE)
    image = read_image(make.encode(original, "PNG"))
    assert np.array_equal(image.pixels, np.asarray(original.convert("RGB")))


def test_greyscale_has_three_equal_channels() -> None:
    image = read_image(make.encode(Image.fromarray(make.pixels()).convert("L"), "JPEG"))
    assert np.array_equal(image.pixels[..., 0], image.pixels[..., 2])


@pytest.mark.parametrize(
    ("orientation", "corner"),
    [
        (1, "top left"),
        (3, "bottom right"),
        (6, "top right"),
        (8, "bottom left"),
        (2, "top right"),
        (5, "top left"),
    ],
)
def test_a_rotated_picture_stands_upright(orientation: int, corner: str) -> None:
    image = read_image(make.turned_jpeg(orientation))
    assert image.turned == (orientation != 1)
    assert image.pixels.shape == ((40, 60, 3) if orientation < 5 else (60, 40, 3))
    row = 5 if "top" in corner else -5
    column = 5 if "left" in corner else -5
    assert image.pixels[row, column, 1] < 90, "the red corner is elsewhere"


def test_transparent_parts_are_no_data() -> None:
    array = np.dstack([make.pixels(), np.full((40, 60), 255, np.uint8)])
    array[:, :10, 3] = 0
    image = read_image(make.encode(Image.fromarray(array), "PNG"))
    assert image.valid is not None
    assert not image.valid[:, :10].any() and image.valid[:, 10:].all()
    assert image.pixels[:, :10].max() == 0


def test_a_transparent_palette_entry_is_no_data() -> None:
    picture = Image.new("P", SIZE, 0)
    picture.putpalette([10, 20, 30, 200, 210, 220] + [0] * 750)
    picture.paste(1, (20, 0, 60, 40))
    image = read_image(make.encode(picture, "PNG", transparency=0))
    assert image.valid is not None and not image.valid[0, 0] and image.valid[0, 30]


def test_an_opaque_alpha_channel_means_that_all_is_valid() -> None:
    array = np.dstack([make.pixels(), np.full((40, 60), 255, np.uint8)])
    assert read_image(make.encode(Image.fromarray(array), "PNG")).valid is None


def test_a_wholly_transparent_picture_shows_no_ground() -> None:
    assert "transparent everywhere" in refusal(make.encode(Image.new("RGBA", SIZE, (9, 9, 9, 0)), "PNG"))


def test_an_animation_is_no_tile() -> None:
    assert "animation of 3 pictures" in refusal(make.animation())


SAMPLES = [make.jpeg(), make.png(), make.turned_jpeg(6), make.animation()] + [
    make.encode(Image.fromarray(make.pixels()), kind) for kind in ("TIFF", "WEBP", "BMP")
]
SAMPLES.append(make.geotiff(left=26.0, top=52.0, step=0.001))


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    sample=st.sampled_from(SAMPLES),
    changes=st.lists(st.tuples(st.floats(0, 1), st.binary(min_size=1, max_size=4)), max_size=6),
    share=st.floats(0, 1),
)
def test_no_bytes_crash_the_reader(sample: bytes, changes: list[tuple[float, bytes]], share: float) -> None:
    data = bytearray(sample[: max(1, int(len(sample) * (0.5 + share)))])
    for where, what in changes:
        position = int(where * (len(data) - 1))
        data[position : position + len(what)] = what
    try:
        image = read_image(bytes(data))
    except UnreadableImage as error:
        assert str(error)
    else:
        assert image.pixels.shape == (image.height, image.width, 3)
        told = placement(
            file_name="x.tif",
            data=bytes(data),
            size=(image.width, image.height),
            zoom=18,
            turned=image.turned,
        )
        assert all(str(problem) for problem in told.problems)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400))
def test_random_bytes_are_refused_with_a_sentence(data: bytes) -> None:
    assert refusal(data).endswith(".")


# Names -------------------------------------------------------------------------------------------


def test_the_name_tells_place_and_date() -> None:
    name = parse_tile_name("51.604684999999996_27.162096999999996_05_Oct_2015_GMT.jpg")
    assert name is not None
    assert (round(name.latitude, 6), round(name.longitude, 6)) == (51.604685, 27.162097)
    assert name.capture_date == date(2015, 10, 5) and name.superpixel is None


def test_a_crops_name_tells_its_superpixel() -> None:
    assert parse_crop_name("51.610807_25.952594_26_Mar_2016_GMT_super_12.png") == CropName(
        51.610807, 25.952594, date(2016, 3, 26), 12
    )


@pytest.mark.parametrize(
    "name",
    [
        NAME,
        "crop.png",
        "95.0_26.5_05_Oct_2015_GMT_super_1.png",
        "51.5_26.5_31_Feb_2015_GMT_super_1.png",
        "51.5_26.5_05_Okt_2015_GMT_super_1.png",
        "../51.5_26.5_05_Oct_2015_GMT_super_1.png",
        "٥١.5_26.5_05_Oct_2015_GMT_super_1.png",
    ],
)
def test_other_names_are_no_crops(name: str) -> None:
    assert parse_crop_name(name) is None


# Places ------------------------------------------------------------------------------------------


def place(name: str = "tile.jpg", data: bytes = b"", **said: object) -> object:
    return placement(file_name=name, data=data, size=SIZE, zoom=18, **said)  # type: ignore[arg-type]


def told(found: object) -> str:
    return " ".join(str(problem) for problem in found.problems)  # type: ignore[attr-defined]


def test_nothing_said_is_no_place_and_no_problem() -> None:
    found = place()
    assert found.bounds is None and found.centre is None and found.capture_date is None and not found.problems


def test_a_name_places_the_tile_around_its_centre() -> None:
    found = place(NAME)
    assert found.bounds == tile_bounds_from_centre(51.5, 26.5, 60, 40, 18)
    assert found.centre == (51.5, 26.5) and found.capture_date == date(2015, 10, 5)
    assert found.gsd == pytest.approx(ground_sample_distance(51.5, 18))
    assert found.source_of_place == "file_name"


def test_a_latitude_of_95_is_no_place_but_the_date_stays() -> None:
    found = place("95.0_26.5_05_Oct_2015_GMT.jpg")
    assert found.bounds is None and found.capture_date == date(2015, 10, 5)
    assert "Latitude 95" in told(found)


def test_a_day_that_does_not_exist_leaves_the_place() -> None:
    found = place("51.5_26.5_31_Feb_2015_GMT.jpg")
    assert found.bounds is not None and found.capture_date is None
    assert "does not exist" in told(found)


def test_a_picture_from_the_future_has_no_date() -> None:
    found = place(sidecar=SidecarRow(capture_date=date.today() + timedelta(days=2)))
    assert found.capture_date is None and "cannot have been taken" in told(found)


def test_a_world_file_names_the_middle_of_the_first_pixel() -> None:
    found = place(world_file="0.001\n0\n0\n-0.002\n26.0005\n51.999\n")
    assert found.bounds == pytest.approx((26.0, 51.92, 26.06, 52.0))
    assert found.source_of_place == "world_file"


def test_a_world_file_in_metres_needs_a_projection() -> None:
    text = "0.5\n0\n0\n-0.5\n2949917.25\n6710219.75\n"
    assert "no .prj file" in told(place(world_file=text))
    west, south, east, north = place(world_file=text, projection="EPSG:3857").bounds
    assert (west, north) == pytest.approx((26.4997, 51.5017), abs=2e-3)
    assert 0 < east - west < 0.001 and 0 < north - south < 0.001


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("0.001\n0\n0\n-0.001\n26\n", "six numbers"),
        ("one\ntwo\n", "six numbers"),
        ("0.001\n0\n0\n0.001\n26\n52\n", "mirrors"),
        ("0.001\n0.0005\n0.0005\n-0.001\n26\n52\n", "turns the image"),
        ("nan\n0\n0\n-0.001\n26\n52\n", "no numbers"),
        ("inf\n0\n0\n-0.001\n26\n52\n", ""),
        ("0.2\n0\n0\n-0.2\n26\n52\n", "too much ground"),
    ],
)
def test_a_world_file_that_makes_no_sense_is_told(text: str, reason: str) -> None:
    found = place(world_file=text)
    assert found.bounds is None and found.problems and reason in told(found)


def test_geotiff_tags_place_a_tile() -> None:
    for options in ({}, {"transformation": True}):
        data = make.geotiff(left=26.0, top=52.0, step=0.001, **options)
        assert place("x.tif", data).bounds == pytest.approx((26.0, 51.96, 26.06, 52.0))


def test_geotiff_points_lie_in_the_middle_of_pixels() -> None:
    data = make.geotiff(left=26.0, top=52.0, step=0.001, point=True)
    assert place("x.tif", data).bounds == pytest.approx((25.9995, 51.9605, 26.0595, 52.0005))


def test_a_geotiff_in_utm_lands_where_it_is() -> None:
    data = make.geotiff(left=604_000, top=5_706_000, step=10, epsg=32635)
    west, south, east, north = place("x.tif", data).bounds
    assert 28.4 < west < east < 28.6 and 51.4 < south < north < 51.6


def test_a_geotiff_without_a_known_projection_has_no_place() -> None:
    assert "EPSG" in told(place("x.tif", make.geotiff(left=26.0, top=52.0, step=0.001, epsg=None)))
    assert "EPSG:1999" in told(place("x.tif", make.geotiff(left=26.0, top=52.0, step=0.001, epsg=1999)))
    assert "EPSG" in told(place("x.tif", make.geotiff(left=26.0, top=52.0, step=0.001, epsg=32767)))


def test_a_georeference_does_not_fit_turned_pixels() -> None:
    found = place(world_file="0.001\n0\n0\n-0.001\n26\n52\n", turned=True)
    assert found.bounds is None and "rotated" in told(found)


def test_two_statements_that_agree_are_one_place() -> None:
    west, south, east, north = tile_bounds_from_centre(51.5, 26.5, 60, 40, 18)
    found = place(NAME, sidecar=SidecarRow(bounds=(west, south, east, north)))
    assert found.bounds == (west, south, east, north) and found.source_of_place == "sidecar"
    assert not found.problems


def test_two_statements_that_contradict_each_other_are_no_place() -> None:
    found = place(NAME, sidecar=SidecarRow(centre=(51.6, 26.5)))
    assert found.bounds is None and found.capture_date == date(2015, 10, 5)
    assert "51.6000, 26.5000" in told(found) and "51.5000, 26.5000" in told(found)


def test_two_dates_that_contradict_each_other_are_no_date() -> None:
    found = place(NAME, sidecar=SidecarRow(capture_date=date(2016, 1, 1)))
    assert found.bounds is not None and found.capture_date is None
    assert "2016-01-01 and 2015-10-05" in told(found)


@pytest.mark.parametrize(
    ("bounds", "reason"),
    [
        ((27.0, 51.0, 26.0, 52.0), "wrong way round"),
        ((26.0, 52.0, 27.0, 51.0), "wrong way round"),
        ((26.0, 51.0, 26.0, 51.0), "wrong way round"),
        ((26.0, 94.0, 27.0, 95.0), "beyond the map"),
        ((-190.0, 51.0, -189.0, 52.0), "beyond the map"),
        ((0.0, 0.0, 90.0, 45.0), "too much ground"),
    ],
)
def test_bounds_that_make_no_sense_are_told(bounds: tuple[float, float, float, float], reason: str) -> None:
    found = place(NAME, sidecar=SidecarRow(bounds=bounds))
    assert found.bounds is None, "the doubt falls on the whole place"
    assert reason in told(found)


# Sidecar tables ----------------------------------------------------------------------------------


def test_a_csv_beside_the_images_is_read() -> None:
    text = "\ufeffFile;West;South;East;North;Date\na.jpg;26.0;51.0;26.1;51.1;2015-10-05\nb.jpg;;;;;\n"
    rows = read_sidecar("tiles.csv", text.encode())
    assert rows["a.jpg"] == SidecarRow(bounds=(26.0, 51.0, 26.1, 51.1), capture_date=date(2015, 10, 5))
    assert rows["b.jpg"] == SidecarRow()


def test_a_json_beside_the_images_is_read() -> None:
    row = b'{"file": "a.jpg", "lat": 51.5, "lon": "26.5", "date": "2015-10-05T10:00:00Z"}'
    expected = SidecarRow(centre=(51.5, 26.5), capture_date=date(2015, 10, 5))
    assert read_sidecar("tiles.json", b"[" + row + b"]") == {"a.jpg": expected}
    assert read_sidecar("tiles.json", b'{"tiles": [' + row + b"]}") == {"a.jpg": expected}


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("tiles.csv", b"\xff\xfe\x00"),
        ("tiles.csv", b"a,b\n1,2\n"),
        ("tiles.csv", b""),
        ("tiles.json", b"{"),
        ("tiles.json", b"[" * 100_000),
        ("tiles.json", b'{"tiles": 4}'),
        ("tiles.json", b'["a.jpg"]'),
    ],
)
def test_a_table_that_is_none_is_told(name: str, data: bytes) -> None:
    with pytest.raises(UnreadableSidecar, match=name):
        read_sidecar(name, data)


@pytest.mark.parametrize(
    "row",
    [
        '{"file": "a.jpg", "lat": "north", "lon": 26}',
        '{"file": "a.jpg", "lat": 51.5}',
        '{"file": "a.jpg", "lat": NaN, "lon": 26}',
        '{"file": "a.jpg", "lat": true, "lon": 26}',
        '{"file": "a.jpg", "lat": 1e999, "lon": 26}',
        '{"file": "a.jpg", "date": "5 Oct 2015"}',
        '{"file": "a.jpg"}, {"file": "a.jpg"}',
    ],
)
def test_a_row_that_makes_no_sense_is_kept_with_its_problem(row: str) -> None:
    found = read_sidecar("tiles.json", f"[{row}]".encode())["a.jpg"]
    assert found.problem is not None and "tiles.json" in str(found.problem)
    assert place(sidecar=found).bounds is None


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300), st.sampled_from(["tiles.csv", "tiles.json"]))
def test_no_table_crashes_the_reader(data: bytes, name: str) -> None:
    try:
        read_sidecar(name, data)
    except UnreadableSidecar as error:
        assert name in str(error)


def test_reading_leaves_the_files_bytes_alone() -> None:
    data = make.jpeg()
    stream = io.BytesIO(data)
    read_image(stream.getvalue())
    assert stream.getvalue() == data
