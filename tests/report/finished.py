"""A finished competition's files, small and made up, with numbers that a test can look for."""

import csv
import json
from pathlib import Path

import numpy as np
from PIL import Image
from pycocotools import mask as coco_mask

from podium.config.competition import Competition
from podium.evaluation.detail import detail

SIDE = 48
BOX_NAMES = ["AP", "AP50", "AP75", "APs", "APm", "APl", "AR@1", "AR@10", "AR@100", "ARs", "ARm", "ARl"]
BOX = {name: 0.7011 + 0.01 * place for place, name in enumerate(BOX_NAMES)} | {"APl": None}
MASK = {name: 0.3011 + 0.01 * place for place, name in enumerate(BOX_NAMES)}


class Finished:
    """The folders of a competition of `images` images with truth and `test` without; ids 1 … images + test.

    Image i has one object, a square at (4, 6) of side 10 + i % 7, which is predicted as it is with score 0.9; images
    with i % 3 == 0 have a second prediction far from it, and a lower score by image in the metrics' file.
    """

    def __init__(
        self,
        root: Path,
        *,
        images: int = 12,
        test: int = 3,
        categories: tuple[str, ...] = ("plane",),
        key: str = "image-{}",
        title: str = "A small competition",
        masks: bool = True,
        kaggle: bool = False,
        gallery: int = 2,
    ):
        self.root, self.images, self.categories, self.masks = root, images, categories, masks
        solver = {"base_lr": 0.01, "max_iter": 30}
        source = {"kind": "kaggle", "competition": "small-one"} if kaggle else {"kind": "generated"}
        raw = {
            "name": "small",
            "title": title,
            "source": source,
            "layout": {"kind": "coco"},
            "detection": {"faster": {"solver": solver}},
            "report": {"gallery": gallery, "picture_side": 96},
        }
        if masks:
            raw["segmentation"] = {"unet": {"solver": solver}}
            raw["instances"] = {"both": {"detection": "faster", "segmentation": "unet"}}
            raw["submission"] = {"experiment": "both", "format": "dsb2018", "solution": "solution.csv"}
        self.competition = Competition.model_validate(raw)
        self.data, self.results, self.submissions = (
            root / part / "small" for part in ("data", "results", "submissions")
        )
        self.page = root / "report.html"
        self.keys = {number: key.format(number) for number in range(1, images + test + 1)}
        self.truth_ids = list(range(1, images + 1))
        self.test_part = [number for number in self.truth_ids if number % 2 == 0]
        self._dataset(test)

    def write(self, path: Path, value: object) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(value), encoding="utf-8")

    def square(self, number: int) -> list[int]:
        return [4, 6, 10 + number % 7, 10 + number % 7]

    def score(self, number: int) -> float:
        """The image's score in the metrics' files: higher for higher numbers, but 0.05 for multiples of 3."""
        return 0.05 if number % 3 == 0 else 0.5 + 0.4 * number / self.images

    def rle(self, box: list[int]) -> dict:
        mask = np.zeros((SIDE, SIDE), dtype=np.uint8, order="F")
        x, y, width, height = box
        mask[y : y + height, x : x + width] = 1
        code = coco_mask.encode(mask)
        return {"size": code["size"], "counts": code["counts"].decode()}

    def _object(self, number: int, box: list[int], **more: object) -> dict:
        mask = {"segmentation": self.rle(box)} if self.masks else {}
        category = 1 + number % len(self.categories)
        return {"image_id": number, "category_id": category, "bbox": box, **mask, **more}

    def _dataset(self, test: int) -> None:
        folder = self.data / "dataset"
        images, annotations = [], []
        noise = np.random.default_rng(0)
        for number in self.keys:
            subset = "train" if number <= self.images else "test"
            pixels = noise.integers(60, 120, (SIDE, SIDE, 3), dtype=np.uint8)
            file = folder / "images" / subset / f"{number}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(file)
            entry = {"id": number, "file_name": f"{subset}/{number}.png", "width": SIDE, "height": SIDE}
            images.append({**entry, "key": self.keys[number], "subset": subset, "digest": "0" * 64})
            if subset == "train":
                box = self.square(number)
                annotations.append(self._object(number, box, id=number, area=float(box[2] ** 2), iscrowd=0))
        categories = [{"id": place, "name": name} for place, name in enumerate(self.categories, start=1)]
        self.coco = {"info": {}, "images": images, "annotations": annotations, "categories": categories}
        self.write(folder / "annotations.json", self.coco)
        (folder / "digest.txt").write_text("abcdef0123456789" * 4, encoding="ascii")

    def complete(self) -> None:
        """Write every file that the page can show."""
        left_out = [{"record": "image torn", "file": "train/torn.png", "key": None, "problem": "cut off <here>"}]
        self.write(self.data / "dataset" / "quarantine.json", {"left_out": left_out, "mended": [], "notes": []})
        self.splits()
        for split in ("val", "test"):
            self.metrics("detection", "faster", split)
            if self.masks:
                self.metrics("instances", "both", split)
                scores = {"crops": 31, "mean_iou": 0.8129, "mean_dice": 0.8888}
                self.write(self.results / "segmentation" / "unet" / f"metrics.{split}.json", scores)
        self.history("detection/faster", ["loss_cls", "loss_box_reg"], ["val_AP"])
        self.predictions("detection", "faster", "test", self.test_part)
        if not self.masks:
            return
        self.history("segmentation/unet", ["loss_bce"], ["val_mean_iou"])
        self.predictions("instances", "both", "test", self.test_part)
        self.predictions("instances", "both", "submission", [n for n in self.keys if n > self.images])
        self.submission()
        record = {"rule": "train", "wildcards": {"experiment": "faster"}, "seconds": 3723.4, "device": "cpu"}
        record |= {"peak_memory_bytes": 3 * 2**20, "code": "c0de" * 4, "versions": {"numpy": "2.3.4"}}
        self.write(self.results / "provenance" / "train.json", record)

    def splits(self) -> None:
        odd = [number for number in self.truth_ids if number % 2]
        split = {"fold": 0, "seed": 42, "train": odd[2:], "val": odd[:2], "test": self.test_part}
        table = [
            {"part": part, "category": category, "images": len(split[part]), "objects": 7}
            for part in ("train", "val", "test")
            for category in (None, *self.categories)
        ]
        missing = [{"category": self.categories[-1], "part": "val", "units": 1}] if len(self.categories) > 1 else []
        leaks = {"images_in_several_parts": 0, "groups_in_several_parts": None}
        self.write(self.data / "splits" / "0.json", split | {"table": table, "missing": missing, "leak_check": leaks})

    def metrics(self, station: str, name: str, split: str) -> None:
        masks = station == "instances"
        ids = self.test_part if split == "test" else self.truth_ids[:2]
        per_image = [
            {
                "image_id": n,
                "key": self.keys[n],
                "n_true": 1,
                "n_pred": 1,
                **({"dsb2018": self.score(n)} if masks else {}),
            }
            for n in ids
        ]
        row = {"category_id": 1, "name": self.categories[0], "images": 5, "instances": 17, "box_AP": 0.4567}
        row |= {"box_P": 0.8123, "box_R": 0.7654, "box_AP50": 0.6} | ({"mask_AP": 0.2345} if masks else {})
        shapes = {"box": "bbox", **({"mask": "segm"} if masks else {})}
        found = self.found(station, ids)
        metrics = {
            "images": len(ids),
            "instances": 17,
            "score_threshold": 0.5,
            "max_detections": 100,
            "box": BOX,
            "mask": MASK if masks else None,
            "per_category": [row | {"name": name} for name in self.categories],
            "detail": {
                shape: detail(self.coco, ids, found, iou_type) | {"precision": [[0.5] * 101] * len(self.categories)}
                for shape, iou_type in shapes.items()
            },
            "scores": {"dsb2018": {"mean": 0.6543, "low": 0.6011, "high": 0.7022}} if masks else {},
            "per_image": per_image,
        }
        self.write(self.results / station / name / f"metrics.{split}.json", metrics)

    def predictions(self, station: str, name: str, split: str, ids: list[int]) -> None:
        self.write(self.results / station / name / f"predictions.{split}.json", self.found(station, ids))

    def found(self, station: str, ids: list[int]) -> list[dict]:
        found = [self._object(number, self.square(number), score=0.9) for number in ids]
        found += [self._object(number, [30, 30, 12, 12], score=0.8) for number in ids if number % 3 == 0]
        found += [self._object(number, [0, 0, 40, 40], score=0.1) for number in ids]
        if station == "detection":
            found = [{key: value for key, value in each.items() if key != "segmentation"} for each in found]
        return found

    def history(self, folder: str, parts: list[str], validated: list[str]) -> None:
        path = self.results / folder / "history.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["iteration", "lr", "loss", *parts, *validated])
            for iteration in range(1, 31):
                values = [0.02 * iteration for _ in validated] if iteration % 10 == 0 else [""] * len(validated)
                writer.writerow([iteration, 0.01, len(parts) / iteration, *[1 / iteration for _ in parts], *values])

    def submission(self) -> None:
        self.submissions.mkdir(parents=True, exist_ok=True)
        (self.submissions / "both.csv").write_text("ImageId,EncodedPixels\n", encoding="utf-8")
        check = {"ok": True, "rows": 1234, "images": 3, "instances": 5, "problem_count": 0, "problems": []}
        self.write(self.submissions / "both.check.json", check | {"bytes": 99, "sha256": "5a" * 32})
        score = {"metric": "dsb2018", "score": 0.5432, "low": 0.5011, "high": 0.5877, "images": {"a": 1.0, "b": 0.1}}
        self.write(self.submissions / "both.score.json", score)
        (self.submissions / "ledger.csv").write_text(
            "time,sha256,experiment,validation_score,cross_fitted_score,local_test_score,ref,public_score,private_score\n"
            f"2026-01-02T03:04:05+00:00,{'5a' * 32},both,0.6543,0.6123,0.5432,777,0.51234,\n",
            encoding="utf-8",
        )
