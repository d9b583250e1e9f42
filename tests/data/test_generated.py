import csv
import io
import json
import zipfile
from functools import partial

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco_mask
from skimage.draw import polygon2mask
from skimage.filters import threshold_otsu
from skimage.measure import label

from podium.config.formats import RunLengthCode
from podium.data.generated import aircraft
from podium.data.generated.competition import generate, png, scene_at
from podium.data.generated.raster import SAMPLES, Canvas, Frame, smooth_noise
from podium.data.generated.scene import MAX_AIRCRAFT, MIN_VISIBLE_PIXELS, Parked
from podium.errors import PodiumError
from podium.submission.rle import encode

SEED, TRAIN, TEST, SIZE = 3, 10, 5, 128


def make(folder, seed=SEED, train_images=TRAIN, test_images=TEST, size=SIZE):
    numbers = {"seed": seed, "train_images": train_images, "test_images": test_images, "size": size}
    code = partial(encode, convention=RunLengthCode(order="column", base=1))
    generate(folder / "archive.zip", folder / "solution.csv", **numbers, encode=code)
    return folder


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make(tmp_path_factory.mktemp("generated"))


@pytest.fixture(scope="module")
def package(made):
    with zipfile.ZipFile(made / "archive.zip") as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(scope="module")
def coco(package):
    return json.loads(package["train.json"])


def rows(text):
    return list(csv.DictReader(io.StringIO(text)))


def picture(data):
    return np.asarray(Image.open(io.BytesIO(data)))


def test_equal_arguments_give_equal_bytes_and_another_seed_does_not(made, tmp_path):
    again, other = make(tmp_path / "again"), make(tmp_path / "other", seed=SEED + 1)
    for name in ("archive.zip", "solution.csv"):
        assert (again / name).read_bytes() == (made / name).read_bytes()
        assert (other / name).read_bytes() != (made / name).read_bytes()


def test_records_of_the_archive_hold_no_time_and_no_compression(made):
    with zipfile.ZipFile(made / "archive.zip") as archive:
        assert archive.testzip() is None
        for record in archive.infolist():
            assert record.date_time == (1980, 1, 1, 0, 0, 0)
            assert (record.compress_type, record.create_system) == (zipfile.ZIP_STORED, 3)


def test_more_images_leave_the_first_ones_as_they_are(made, package, coco, tmp_path):
    fewer = make(tmp_path, train_images=4, test_images=2)
    with zipfile.ZipFile(fewer / "archive.zip") as archive:
        pictures = [name for name in archive.namelist() if name.endswith(".png")]
        assert len(pictures) == 6
        assert all(archive.read(name) == package[name] for name in pictures)
        part = json.loads(archive.read("train.json"))
    assert part["images"] == coco["images"][:4]
    assert part["annotations"] == coco["annotations"][: len(part["annotations"])]
    assert (made / "solution.csv").read_text().startswith((fewer / "solution.csv").read_text())


def test_files_and_ids(package, coco):
    assert coco["categories"] == [{"id": 1, "name": "plane"}]
    assert [image["id"] for image in coco["images"]] == list(range(1, TRAIN + 1))
    assert [a["id"] for a in coco["annotations"]] == list(range(1, len(coco["annotations"]) + 1))
    assert {(a["category_id"], a["iscrowd"]) for a in coco["annotations"]} == {(1, 0)}
    sample = rows(package["sample_submission.csv"].decode())
    assert package["sample_submission.csv"].startswith(b"ImageId,EncodedPixels\n")
    assert {row["EncodedPixels"] for row in sample} == {""}
    train, test = [image["file_name"] for image in coco["images"]], [f"test/{row['ImageId']}.png" for row in sample]
    assert set(package) == {*train, *test, "train.json", "sample_submission.csv"}
    assert len(package) == TRAIN + TEST + 2
    assert len({name.split("/")[1] for name in train + test}) == TRAIN + TEST


def test_pictures_are_rgb_of_the_size_that_the_json_says(package, coco):
    shapes = []
    for image in coco["images"]:
        pixels = picture(package[image["file_name"]])
        assert pixels.dtype == np.uint8
        assert pixels.shape == (image["height"], image["width"], 3)
        shapes.append(pixels.shape[:2])
    longer = SIZE * 4 // 3
    assert sorted(set(shapes)) == [(SIZE, SIZE), (SIZE, longer), (longer, SIZE)]
    assert shapes.count((SIZE, SIZE)) == 8


def test_masks_are_disjoint_and_agree_with_boxes_and_areas(coco):
    for image in coco["images"]:
        own = [a for a in coco["annotations"] if a["image_id"] == image["id"]]
        masks = [coco_mask.decode(a["segmentation"]) for a in own]
        assert len(own) <= MAX_AIRCRAFT
        assert not masks or np.max(sum(masks)) == 1
        for annotation, mask in zip(own, masks, strict=True):
            assert mask.shape == (image["height"], image["width"])
            ys, xs = np.nonzero(mask)
            assert annotation["area"] == len(xs) >= MIN_VISIBLE_PIXELS
            assert annotation["bbox"] == [xs.min(), ys.min(), np.ptp(xs) + 1, np.ptp(ys) + 1]


def test_the_archive_holds_the_scenes_as_drawn(package, coco):
    for place in (0, 3):
        scene, image = scene_at(SEED, "train", place, SIZE), coco["images"][place]
        np.testing.assert_array_equal(picture(package[image["file_name"]]), scene.image)
        stored = [coco_mask.decode(a["segmentation"]) for a in coco["annotations"] if a["image_id"] == place + 1]
        np.testing.assert_array_equal(np.array(stored), np.array(scene.masks))


def test_the_solution_decodes_to_the_masks_as_drawn(made, package):
    truth = rows((made / "solution.csv").read_text())
    ids = [row["ImageId"] for row in rows(package["sample_submission.csv"].decode())]
    assert list(dict.fromkeys(row["ImageId"] for row in truth)) == ids
    for place, key in enumerate(ids):
        scene = scene_at(SEED, "test", place, SIZE)
        codes = [row["EncodedPixels"] for row in truth if row["ImageId"] == key]
        if not scene.masks:
            assert codes == [""]
            continue
        assert len(codes) == len(scene.masks)
        height, width = picture(package[f"test/{key}.png"]).shape[:2]
        for code, mask in zip(codes, scene.masks, strict=True):
            decoded = np.zeros(height * width, bool)
            for start, length in np.array(code.split(), int).reshape(-1, 2):
                decoded[start - 1 : start - 1 + length] = True
            np.testing.assert_array_equal(decoded.reshape(width, height).T, mask)


def test_the_second_image_of_a_subset_and_every_twenty_fifth_after_it_is_empty():
    for subset in ("train", "test"):
        counts = [len(scene_at(SEED, subset, place, 96).masks) for place in range(28)]
        assert [place for place, count in enumerate(counts) if count == 0] == [1, 26]


def test_a_mask_is_the_pixels_that_the_paint_covers_by_half():
    """Against another rasteriser, eight times finer; the two may differ where a pixel is about half covered."""
    rng, finer = np.random.default_rng(5), 8
    for design in aircraft.DESIGNS.values():
        frame = Frame(33.3, 30.7, rng.uniform(0, 2 * np.pi))
        livery = aircraft.draw_livery(rng, design.military)
        craft = aircraft.paint(rng, aircraft.build(design), livery, frame, 50.0, sun=1.0)
        parked = Parked(64, 70)
        assert parked.try_add(craft)
        fine = np.zeros((64 * finer, 70 * finer), bool)
        for outline in craft.outlines:
            fine |= polygon2mask(fine.shape, outline[:, ::-1] * finer - 0.5)
        share = fine.reshape(64, finer, 70, finer).mean(axis=(1, 3))
        mask = parked.placed[0][1]
        assert np.all(share[mask] > 0.15)
        assert np.all(share[~mask] < 0.55)
        np.testing.assert_array_equal(craft.colour.any(axis=2), craft.coverage > 0)


def test_two_aircraft_may_touch_but_not_overlap():
    rng = np.random.default_rng(0)
    design = aircraft.DESIGNS["airliner"]
    livery = aircraft.draw_livery(rng, design.military)
    parts, parked = aircraft.build(design), Parked(100, 200)
    span = 2 * design.wing_reach * 40

    def at(x):
        return aircraft.paint(rng, parts, livery, Frame(x, 50, -np.pi / 2), 40.0, sun=1.0)

    assert parked.try_add(at(50))
    assert not parked.try_add(at(50 + span - 2))
    assert parked.try_add(at(50 + span + 1))
    assert not parked.try_add(at(198 + span / 2))  # only a wing tip of it would show
    assert [int(mask.sum()) > 300 for _, mask in parked.placed] == [True, True]


def test_coverage_of_a_polygon_is_its_area():
    frame = Frame(20.2, 17.9, 0.4)
    canvas = Canvas(40, 40)
    canvas.fill(frame.rectangle((-9, 9), (-5, 5)), (200, 100, 50))
    area = canvas.coverage().sum() / SAMPLES**2
    # A sample on the outline counts as inside, so that the outline lies up to half a sample further out.
    assert 180 <= area <= 180 + 56 * 0.75 / SAMPLES
    np.testing.assert_allclose(canvas.colour()[18, 20], (200, 100, 50))


def test_smooth_noise_has_mean_zero_and_deviation_one():
    noise = smooth_noise(np.random.default_rng(0), (300, 400), (9.0, 3.0))
    assert noise.shape == (300, 400)
    assert abs(noise.mean()) < 0.1
    assert 0.8 < noise.std() < 1.2


def test_png_reads_back_also_beyond_one_block():
    image = np.random.default_rng(0).integers(0, 256, (150, 201, 3), dtype=np.uint8)
    data = png(image)
    with Image.open(io.BytesIO(data)) as check:
        check.verify()
    np.testing.assert_array_equal(picture(data), image)


def test_a_threshold_finds_few_aircraft():
    """Otsu's threshold and connected components: were that enough, the demonstration would show nothing."""
    found = drawn = guessed = 0
    for place in range(2, 14):
        scene = scene_at(SEED, "train", place, 192)
        grey = scene.image.mean(axis=2)
        pieces = label(grey > threshold_otsu(grey))
        guesses = [pieces == k for k in np.flatnonzero(np.bincount(pieces.ravel()) >= MIN_VISIBLE_PIXELS) if k]
        drawn, guessed = drawn + len(scene.masks), guessed + len(guesses)
        found += sum(max(((g & m).sum() / (g | m).sum() for g in guesses), default=0) > 0.5 for m in scene.masks)
    assert drawn > 30
    assert found / drawn < 0.6
    assert 2 * found / (drawn + guessed) < 0.35


@pytest.mark.parametrize(("key", "value"), [("seed", -1), ("size", 95), ("train_images", 0), ("test_images", 0)])
def test_a_number_that_is_too_small_is_named(tmp_path, key, value):
    with pytest.raises(PodiumError, match=f"{key}: {value} is too small"):
        make(tmp_path, **{key: value})
    assert not list(tmp_path.iterdir())
