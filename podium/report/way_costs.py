"""What ways to the same objects take: time and memory of their trainings and predictions."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from podium.config.competition import Competition
from podium.config.judging import TRAININGS
from podium.config.ways import Way
from podium.report.blocks import DASH, Table, number, optional_json
from podium.report.provenance import memory

_ARCHITECTURES = {"faster_rcnn": "Faster R-CNN", "mask_rcnn": "Mask R-CNN"}
_PREDICTING = {"detection": "predict_boxes", "instances": "predict_instances"}


def cost_table(competition: Competition, named: Mapping[str, Way], part: str, images: int, results: Path) -> Table:
    """Return a row per way, from the provenance of all the jobs that it is made of; a dash where one is missing.

    `named` are the ways by what they are called, `part` is what was predicted, of so many `images`.
    """
    rows = []
    for name, (station, experiment) in named.items():
        chain = competition.chain(station, experiment)
        trained = _records(results, _jobs(TRAININGS, chain))
        predicted = _records(results, [f"{job}.{part}" for job in _jobs(_PREDICTING, chain)])
        seconds = [_sum(records) for records in (trained, predicted)]
        rows.append(
            [
                name,
                _what(competition, station, experiment),
                number(None if seconds[0] is None else seconds[0] / 60, 1),
                *_most(trained),
                number(None if seconds[1] is None else seconds[1] / images, 2),
                *_most(predicted),
                ", ".join(dict.fromkeys(own for each in [*trained, *predicted] if (own := each.get("device")))) or DASH,
            ]
        )
    columns = ["way", "what it is", "training, minutes", "most memory (MiB)", "on GPU (MiB)"]
    columns += ["prediction, seconds per image", "most memory (MiB)", "on GPU (MiB)", "device"]
    left = [place for place, name in enumerate(columns) if "GPU" not in name or any(row[place] != DASH for row in rows)]
    caption = "Cost of all that each is made of; a prediction's time includes loading its model, and no tuning"
    return Table(caption, [columns[place] for place in left], [[row[place] for place in left] for row in rows])


def _what(competition: Competition, station: str, experiment: str) -> str:
    if station == "instances":
        settings = competition.instances[experiment]
        return f"boxes of {settings.detection}, masks in them of {settings.segmentation}"
    model = competition.detection[experiment].model
    return _ARCHITECTURES.get(model.architecture, model.architecture)


def _jobs(rules: Mapping[str, str], chain: Mapping[str, Sequence[str]]) -> list[str]:
    return [f"{rules[station]}.{name}" for station, names in chain.items() if station in rules for name in names]


def _records(results: Path, jobs: Sequence[str]) -> list[dict]:
    """Return the jobs' provenance, an empty record for one that has none."""
    return [optional_json(results, f"provenance/{job}.json") or {} for job in jobs]


def _sum(records: Sequence[Mapping]) -> float | None:
    """Return the records' time in seconds, None where one is not known."""
    seconds = [each.get("seconds") for each in records]
    return None if None in seconds else sum(seconds)


def _most(records: Sequence[Mapping]) -> list[str]:
    """Return the most memory of a job, where all are known, and the most on a GPU of those that had one."""
    sizes, on_gpu = ([each.get(key) for each in records] for key in ("peak_memory_bytes", "peak_gpu_memory_bytes"))
    return [memory(None if None in sizes else max(sizes)), memory(max(filter(None, on_gpu), default=None))]
