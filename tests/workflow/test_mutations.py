"""A table of single changes, each with the jobs that must run after it: none more, none fewer.

One small competition is run to its end, in a folder of its own by a copy of the project; then one thing is changed at
a time, and Snakemake is asked what it would do. Configuration keys, scripts and rules are taken from the project as it
is: a new one that has no entry here fails.
"""

import ast
import base64
import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from podium.config.load import load_competition
from podium.config.merging import merge
from podium.config.section import Section
from tests.workflow.run import ROOT
from tests.workflow.run import configure as configure_tiny

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("mutations")]

PROJECT = ["Snakefile", "config", "environment.yml", "podium", "profiles", "rules", "scripts"]

# Two points, of which one is the experiment as it is written.
ABLATED = {"ablations": {"area": {"of": "instances.boxes_unet", "vary": {"min_area": [1, 2]}}}}
POINT = "boxes_unet-min_area-2"


def configure(folder: Path, changes: dict | None = None, **sections: dict) -> None:
    configure_tiny(folder, merge(ABLATED, changes or {}), **sections)


# What reads what another makes, and how many jobs each has: here, and not asked of Snakemake.
JOBS = {"predict_boxes.parts": 2, "evaluate.detection": 2, "evaluate_segmenter": 2}
FEEDS = {
    "generate": ["dataset", "score_submission"],
    "archive": ["dataset"],
    "dataset": ["splits", "train_detector", "train_segmenter", "predict_boxes", "predict_instances", "evaluate"]
    + ["tune", "evaluate_segmenter", "write_submission", "check_submission", "score_submission", "share"]
    + ["ablation", "report"],
    "splits": ["train_detector", "train_segmenter", "predict_boxes", "predict_instances", "evaluate"]
    + ["tune", "evaluate_segmenter", "share", "ablation", "report"],
    "draw_schedule": ["report"],
    "train_detector": ["draw_curves.detection", "predict_boxes", "report"],
    "train_segmenter": ["draw_curves.segmentation", "evaluate_segmenter", "predict_instances", "tune", "report"],
    "predict_boxes.parts": ["evaluate.detection", "predict_instances.val", "predict_instances.test", "tune", "report"]
    + ["predict_instances.point"],
    "predict_boxes.submission": ["predict_instances.submission"],
    "predict_instances.val": ["evaluate.instances_val", "ablation", "report"],
    "predict_instances.point": ["evaluate.point", "ablation", "report"],
    "predict_instances.test": ["evaluate.instances_test", "share", "report"],
    "predict_instances.submission": ["write_submission", "share"],
    "evaluate.instances_val": ["ablation", "report"],
    "evaluate.point": ["ablation", "report"],
    "evaluate": ["report"],
    "ablation": ["report"],
    "evaluate_segmenter": ["report"],
    "write_submission": ["check_submission", "score_submission", "report"],
    "check_submission": ["score_submission", "report"],
    "score_submission": ["report"],
    "tune": ["predict_instances.test", "evaluate.instances_test", "predict_instances.submission", "write_submission"]
    + ["draw_tuning", "share", "report"],
    "draw_tuning": [],
    "draw_curves": [],
    "share": [],
    "report": [],
}
PARTS = {
    "draw_schedule": ["detection", "segmentation"],
    "draw_curves": ["detection", "segmentation"],
    "evaluate": ["detection", "instances_val", "instances_test", "point"],
    "predict_boxes": ["parts", "submission"],
    "predict_instances": ["val", "test", "submission", "point"],
}
NOT_PART_OF_ALL = {"archive", "zoo_weights", "export_detectron2", "lr_range_test", "upload", "leaderboard_score"}
NOT_PART_OF_ALL |= {"select_experiment", "compare", "score_validation"}


def after(*first: str) -> dict[str, int]:
    """Return how many jobs of each rule run when these do, and all that follows."""
    found, queue = set(), [node for name in first for node in parts(name)]
    while queue:
        node = queue.pop()
        if node not in found:
            found.add(node)
            rule = node.split(".")[0]
            queue += [part for name in FEEDS.get(node, FEEDS.get(rule)) for part in parts(name)]
    counts = Counter()
    for node in found:
        counts[node.split(".")[0]] += JOBS.get(node, 1)
    return dict(counts)


def parts(name: str) -> list[str]:
    return [f"{name}.{part}" for part in PARTS[name]] if name in PARTS else [name]


TRAININGS = ("train_detector", "train_segmenter")
INFERENCE = ("predict_boxes", "predict_instances", "evaluate_segmenter")
SUBMISSION = ("write_submission", "check_submission", "score_submission")

WRITTEN = ("predict_instances.val", "predict_instances.test", "predict_instances.submission")

# By the longest beginning of a key's path. The page shows the whole configuration: it is made anew for each.
KEYS = {
    "title": ["share"],
    "source": ["generate"],
    "layout": ["dataset"],
    "checks": ["dataset"],
    "splits": ["splits"],
    "detection.resnet18": ["train_detector"],
    "detection.resnet18.solver": ["train_detector", "draw_schedule.detection"],
    "segmentation.unet": ["train_segmenter"],
    "segmentation.unet.solver": ["train_segmenter", "draw_schedule.segmentation"],
    "instances.boxes_unet": [*WRITTEN, "tune"],
    f"instances.{POINT}": ["predict_instances.point"],
    # A point was made of these when the file was checked.
    "ablations": [],
    "ablations.area.by": ["ablation"],
    "ablations.area.points": ["ablation"],
    "evaluation.score_threshold": ["evaluate", "ablation"],
    # The detector is validated with it.
    "evaluation.max_detections": ["evaluate", "tune", "ablation", "score_submission", "train_detector"],
    "evaluation.bootstrap_samples": ["evaluate", "tune", "ablation", "score_submission"],
    "submission.format": SUBMISSION,
    "submission.score_threshold": ["tune", "write_submission", "share"],
    "submission.tuning": ["tune"],
    "submission.images": ["predict_boxes.submission", "predict_instances.submission", *SUBMISSION],
    "submission.competition": [],
    "submission.code_competition": [],
    "submission.message": [],
    "share": ["share"],
    "report": [],
    "tracking": [],
}

SEGMENTER = {"loss": "bce", "solver": {"base_lr": 0.001, "max_iter": 2}}
DETECTOR = yaml.safe_load((ROOT / "config/demo.yaml").read_text())["detection"]["resnet18"]

# Keys that join sections, and the seldom ones that no other value fits: a change of the file for each.
JOINS = {
    "name": (
        {"name": "other", "submission": {"solution": "data/other/solution.csv"}},
        after("generate", "draw_schedule"),
    ),
    "source.kind": ({"source": {"kind": "local", "path": "data/tiny/archive.zip"}}, after("archive")),
    "splits.folds": ({"splits": {"folds": 2}}, after("splits")),
    "detection.resnet18.fold": ({"splits": {"folds": 2}, "detection": {"resnet18": {"fold": 1}}}, None),
    "segmentation.unet.fold": ({"splits": {"folds": 2}, "segmentation": {"unet": {"fold": 1}}}, None),
    "detection.resnet18.model.weights": (
        {"detection": {"resnet18": {"model": {"weights": "imagenet"}}}},
        after("train_detector"),
    ),
    "instances.boxes_unet.detection": (
        {"detection": {"second": DETECTOR}, "instances": {"boxes_unet": {"detection": "second"}}},
        after("train_detector", "draw_schedule.detection") | {"compare": 1},
    ),
    "instances.boxes_unet.segmentation": (
        {"segmentation": {"second": SEGMENTER}, "instances": {"boxes_unet": {"segmentation": "second"}}},
        after("train_segmenter", "draw_schedule.segmentation"),
    ),
    "submission.experiment": (
        {
            "instances": {"again": {"detection": "resnet18", "segmentation": "unet"}},
            "submission": {"experiment": "again"},
        },
        # The ablation is of the other one.
        after(*WRITTEN, "tune") | {"ablation": 0, "compare": 1},
    ),
    "evaluation.metrics": ({"evaluation": {"metrics": ["iou"]}}, after("evaluate")),
    # Predictions are judged by it already.
    "submission.metric": ({"submission": {"metric": "airbus_f2"}}, after("tune", "score_submission")),
    "submission.station": (
        {
            "submission": {
                **{"station": "detection", "experiment": "resnet18", "format": "global_wheat", "solution": None},
                **{"tuning": None, "metric": "global_wheat"},
            }
        },
        # The test part's instances go back to the configured thresholds, and everything is judged by another metric.
        {"write_submission": 1, "check_submission": 1, "predict_instances": 1, "share": 1}
        | {"evaluate": 5, "ablation": 1, "report": 1},
    ),
    # Both points are made of another training then.
    f"instances.{POINT}.detection": (
        {"detection": {"second": DETECTOR}, "ablations": {"area": {"fix": {"detection": "second"}}}},
        {"train_detector": 1, "draw_schedule": 1, "draw_curves": 1, "predict_boxes": 2, "evaluate": 4}
        | {"predict_instances": 2, "ablation": 1, "compare": 1, "report": 1},
    ),
    f"instances.{POINT}.segmentation": (
        {"segmentation": {"second": SEGMENTER}, "ablations": {"area": {"fix": {"segmentation": "second"}}}},
        {"train_segmenter": 1, "draw_schedule": 1, "draw_curves": 1, "evaluate_segmenter": 2, "evaluate": 2}
        | {"predict_instances": 2, "ablation": 1, "report": 1},
    ),
    "ablations.area.reference.min_area": (
        {"ablations": {"area": {"reference": {"min_area": 2}}}},
        after("ablation"),
    ),
    "selection": ({"selection": {}}, {"select_experiment": 1, "report": 1}),
    "submission.solution": ({"submission": {"solution": None}}, {"report": 1}),
}


def leaves(value: object, path: str = "") -> list[str]:
    """List the paths of all keys of a checked configuration, defaults included."""
    if isinstance(value, Section):
        value = {name: getattr(value, name) for name in type(value).model_fields}
    if not isinstance(value, dict):
        return [path]
    return [leaf for name, part in value.items() for leaf in leaves(part, f"{path}.{name}".lstrip("."))]


def every_key() -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        configure(Path(folder))
        return leaves(load_competition([Path(folder) / "competition.yaml"]))


class Finished:
    """A finished run, and the project that made it; `planned` says what would run now."""

    def __init__(self, folder: Path):
        self.project, self.work = folder / "project", folder / "work"
        self.planner = None

    def arguments(self, work: Path | None = None) -> list[str]:
        profile = ["--workflow-profile", str(self.project / "profiles/default")]
        return ["--cores", "1", *profile, "--configfile", str((work or self.work) / "competition.yaml")]

    def run(self, *arguments: str, work: Path | None = None) -> None:
        command = [sys.executable, "-m", "snakemake", "--snakefile", str(self.project / "Snakefile")]
        done = subprocess.run(
            [*command, *arguments, *self.arguments(work)],
            cwd=work or self.work,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert done.returncode == 0, done.stdout[-5000:]

    def start(self) -> None:
        environment = os.environ | {"PYTHONPATH": str(self.project)}
        command = [sys.executable, str(ROOT / "tests/workflow/planner.py")]
        self.planner = subprocess.Popen(
            command, stdin=-1, stdout=-1, stderr=-1, text=True, env=environment, cwd=self.work
        )

    def stop(self) -> None:
        if self.planner:
            self.planner.communicate()

    def explained(self, work: Path | None = None, **request: object) -> list[list]:
        """Return rule, first output and changes in words of each job that would run."""
        request |= {"folder": str(work or self.work), "snakefile": str(self.project / "Snakefile")}
        self.planner.stdin.write(json.dumps(request | {"arguments": self.arguments(work)}) + "\n")
        self.planner.stdin.flush()
        answer = json.loads(self.planner.stdout.readline())
        assert "error" not in answer, answer["error"]
        return answer["jobs"]

    def planned(self, work: Path | None = None, **request: object) -> dict[str, int]:
        """Return how many jobs of each rule would run."""
        return dict(Counter(rule for rule, _, _ in self.explained(work, **request)))

    def copy(self, folder: Path) -> Path:
        return shutil.copytree(self.work, folder / "work", symlinks=True)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    run = Finished(tmp_path_factory.mktemp("mutations"))
    run.work.mkdir()
    run.project.mkdir()
    for name in PROJECT:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, run.project / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, run.project / name)
    configure(run.work)
    run.run()
    run.start()
    yield run
    run.stop()


@contextmanager
def edited(file: Path, text: str):
    """Give a file another content for a while."""
    before = file.read_text(encoding="utf-8")
    file.write_text(text, encoding="utf-8")
    try:
        yield
    finally:
        file.write_text(before, encoding="utf-8")


def test_nothing_is_to_be_done(finished):
    assert finished.planned() == {}


def test_every_rule_and_script_has_its_place_in_the_table():
    texts = [file.read_text() for file in (ROOT / "rules").glob("*.smk")]
    rules = {name for text in texts for name in re.findall(r"(?:rule|checkpoint) (\w+):", text)}
    known = {name.split(".")[0] for name in FEEDS} | NOT_PART_OF_ALL
    assert rules - {"submit"} == known
    assert {file.stem for file in (ROOT / "scripts").glob("*.py")} == known


@pytest.mark.parametrize("key", every_key())
def test_a_key(finished, key):
    if key in JOINS:
        changes, expected = JOINS[key]
        expected = after("splits") if expected is None else expected
        sections = {"source": changes.pop("source")} if key == "source.kind" else {}
        if key.endswith(".fold"):
            # Instances want both of one fold: the other training moves, too.
            changes = {**changes, "detection": {"resnet18": {"fold": 1}}, "segmentation": {"unet": {"fold": 1}}}
        before = (finished.work / "competition.yaml").read_text()
        try:
            configure(finished.work, changes, **sections)
            assert finished.planned() == {rule: count for rule, count in expected.items() if count}
        finally:
            (finished.work / "competition.yaml").write_text(before)
        return
    sections = [section for section in KEYS if key == section or key.startswith(f"{section}.")]
    assert sections, f"{key} belongs to no section of the table: say which rules read it"
    assert finished.planned(value=key.split(".")) == after("report", *KEYS[max(sections, key=len)])


@pytest.mark.parametrize("script", sorted(file.stem for file in (ROOT / "scripts").glob("*.py")))
def test_a_script(finished, script):
    file = finished.project / f"scripts/{script}.py"
    with edited(file, f"{file.read_text()}\nCHANGED = 1\n"):
        assert finished.planned() == ({} if script in NOT_PART_OF_ALL else after(script))


DETECTORS = ("train_detector", "predict_boxes")
SEGMENTERS = ("train_segmenter", "evaluate_segmenter", "predict_instances")
AS_SUBMITTED = ("write_submission", "share", "ablation")


@pytest.mark.parametrize(
    ("module", "first"),
    [
        ("podium/errors.py", ["generate", *PARTS, *TRAININGS, "ablation"]),
        ("podium/config/section.py", ["generate", "dataset", "draw_schedule"]),
        ("podium/config/splits.py", ["splits"]),
        ("podium/config/layout.py", ["dataset"]),
        ("podium/config/report.py", ["report"]),
        ("podium/config/zoo.yaml", [*DETECTORS, "report"]),
        ("podium/data/layouts/coco.py", ["dataset"]),
        ("podium/data/quarantine.py", ["dataset"]),
        ("podium/data/generated/aircraft.py", ["generate"]),
        ("podium/data/sources.py", []),
        ("podium/data/split_table.py", ["splits"]),
        ("podium/models/rcnn/anchors.py", DETECTORS),
        ("podium/models/segmenters.py", SEGMENTERS),
        ("podium/training/loop.py", TRAININGS),
        ("podium/training/schedule.py", [*TRAININGS, "draw_schedule"]),
        ("podium/training/schedule_advice.py", ["draw_schedule"]),
        ("podium/training/range_test.py", []),
        ("podium/training/watchers.py", []),
        ("podium/training/progress.py", []),
        ("podium/training/tracking.py", []),
        ("podium/workflow/script.py", []),
        ("podium/workflow/queue.py", []),
        ("podium/workflow/slurm_plugin.py", []),
        ("podium/workflow/plan.py", []),
        ("podium/workflow/fingerprint.py", []),
        ("podium/inference/instances.py", ["predict_instances", "tune"]),
        ("podium/inference/select.py", ["predict_instances", "tune", "evaluate", *AS_SUBMITTED]),
        ("podium/inference/submitted.py", ["evaluate", *AS_SUBMITTED]),
        ("podium/submission/validation.py", []),
        ("podium/evaluation/tuning.py", ["tune"]),
        ("podium/report/tuning_plot.py", ["draw_tuning", "report"]),
        ("podium/evaluation/evaluate.py", ["evaluate"]),
        ("podium/evaluation/totals.py", ["evaluate", "score_submission", "ablation", "tune"]),
        ("podium/evaluation/comparison.py", ["ablation"]),
        ("podium/evaluation/ablation.py", ["ablation"]),
        ("podium/evaluation/selection.py", []),
        ("podium/config/points.py", ["report"]),
        ("podium/submission/check.py", ["check_submission"]),
        ("podium/submission/write.py", ["write_submission"]),
        ("podium/submission/kaggle.py", []),
        ("podium/data/download.py", []),
        ("podium/report/page.html", ["report"]),
        ("podium/report/galleries.py", ["report"]),
        ("podium/report/pictures.py", ["share", "report"]),
        ("podium/share/viewer.js", ["share"]),
        ("podium/share/outlines.py", ["share"]),
        ("podium/config/share.py", ["share", "report"]),
    ],
)
def test_a_module(finished, module, first):
    file = finished.project / module
    with edited(file, f"{file.read_text()}\n{'changed' if file.suffix == '.html' else 'CHANGED'}: 1\n"):
        assert finished.planned() == after(*first)


def test_a_module_that_is_new_gone_or_another_again(finished):
    file = finished.project / "podium/data/unused.py"
    file.write_text("X = 1\n")
    assert finished.planned() == {}
    file.unlink()
    assert finished.planned() == {}
    loop = finished.project / "podium/training/loop.py"
    with edited(loop, f"{loop.read_text()}\nCHANGED = 1\n"):
        pass
    assert finished.planned() == {}, "a branch switched to and back"


def test_comments_docstrings_layout_and_words_of_the_log(finished):
    loop = finished.project / "podium/training/loop.py"
    text = loop.read_text()
    lines = ["# A comment.", *text.splitlines(), "", "", "# Another one."]
    changed = "\n".join(lines).replace('"""', '"""Other words. ', 1)
    assert ast.dump(ast.parse(changed)) != ast.dump(ast.parse(text))
    with edited(loop, changed):
        assert finished.planned() == {}
    said = text.replace("log.info(", "log.info('')\n    log.info(") if "log.info(" in text else text
    with edited(loop, said.replace("log.info('')\n    ", "")):
        assert finished.planned() == {}


def test_a_renamed_module_is_other_code_and_a_renamed_page_of_words_is_not(finished):
    table, splits = (finished.project / f"podium/data/{name}.py" for name in ("split_table", "splits"))
    renamed = table.with_name("split_tables.py")
    with edited(splits, splits.read_text().replace("podium.data.split_table ", "podium.data.split_tables ")):
        table.rename(renamed)
        try:
            assert finished.planned() == after("splits")
        finally:
            renamed.rename(table)
    (finished.project / "config/README.md").rename(finished.project / "config/KEYS.md")
    assert finished.planned() == {}
    (finished.project / "config/KEYS.md").rename(finished.project / "config/README.md")


@pytest.mark.parametrize(
    ("package", "version", "first"),
    [
        ("torch", "9.0", [*TRAININGS, *INFERENCE]),
        ("albumentations", "9.0", TRAININGS),
        ("segmentation-models-pytorch", "9.0", SEGMENTERS),
        ("numpy", "9.0", []),
        ("detectron2", "9.0", []),
    ],
)
def test_a_release_of_a_library(finished, package, version, first):
    assert finished.planned(versions={package: version}) == after(*first)


def test_a_patch_of_a_library(finished):
    installed = importlib.metadata.version("torch").split("+")[0].rsplit(".", 1)[0]
    assert finished.planned(versions={"torch": f"{installed}.99+other"}) == {}


def test_times_of_all_files(finished, tmp_path):
    work = finished.copy(tmp_path)
    for folder in (work, finished.project):
        for path in sorted(folder.rglob("*")):
            if path.is_file() and ".snakemake" not in path.parts:
                path.touch()
    assert finished.planned(work) == {}


def test_another_working_directory(finished, tmp_path):
    assert finished.planned(finished.copy(tmp_path)) == {}


def test_a_clone_of_the_project(finished, tmp_path):
    clone = Finished(tmp_path)
    shutil.copytree(
        finished.project, clone.project, copy_function=shutil.copy, ignore=shutil.ignore_patterns("__pycache__")
    )
    clone.work = finished.work
    clone.start()
    try:
        assert clone.planned() == {}
        loop = clone.project / "podium/training/loop.py"
        loop.write_text(f"{loop.read_text()}\nCHANGED = 1\n")
        assert clone.planned() == after(*TRAININGS)
    finally:
        clone.stop()


def test_results_that_were_copied_without_snakemakes_own_folder(finished, tmp_path):
    """Copied in any order and with new times: nothing is made again, and what changes is still noticed."""
    work = tmp_path / "work"
    ignored = shutil.ignore_patterns(".snakemake")
    shutil.copytree(finished.work, work, copy_function=shutil.copy, ignore=ignored)
    for path in sorted(work.rglob("*"), reverse=True):
        path.touch()
    configured = (work / "competition.yaml").read_text()
    configure(work, {"detection": {"resnet18": {"solver": {"base_lr": 0.5}}}})
    assert finished.planned(work) == after("train_detector", "draw_schedule.detection")
    (work / "competition.yaml").write_text(configured)
    assert finished.planned(work) == {}


def test_a_record_that_a_job_does_not_bear_out_is_not_restored(finished, tmp_path):
    work = tmp_path / "work"
    shutil.copytree(finished.work, work, ignore=shutil.ignore_patterns(".snakemake"))
    provenance = work / "results/tiny/provenance/train_detector.resnet18.json"
    provenance.write_text(provenance.read_text().replace('"max_iter": 4', '"max_iter": 5'))
    finished.planned(work)
    restored = {base64.urlsafe_b64decode(file.name) for file in (work / ".snakemake/metadata").iterdir()}
    assert b"results/tiny/detection/resnet18/model.pt" not in restored
    assert b"results/tiny/segmentation/unet/model.pt" in restored


def test_an_output_that_is_gone_is_made_again_once_it_is_asked_for(finished, tmp_path):
    work = finished.copy(tmp_path)
    (work / "results/tiny/detection/resnet18/predictions.val.json").unlink()
    assert finished.planned(work) == {}, "what was made of it is there"
    (work / "results/tiny/report.html").unlink()
    again = {"predict_boxes": 1, "evaluate": 3, "predict_instances": 2, "ablation": 1}
    tuned = after("tune")
    assert finished.planned(work) == tuned | {rule: tuned.get(rule, 0) + count for rule, count in again.items()}


def repack(archive: Path, change) -> None:
    """Write an archive anew; `change` gets its members as bytes by name and may change them."""
    with zipfile.ZipFile(archive) as source:
        members = {name: source.read(name) for name in source.namelist() if not name.endswith("/")}
    change(members)
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as target:
        for name in reversed(members):
            target.writestr(name, members[name])


def images(members: dict) -> list[str]:
    return sorted(name for name in members if name.startswith("train/"))


def removed(members: dict) -> None:
    del members[images(members)[0]]


def exchanged(members: dict) -> None:
    first, second, *_ = images(members)
    members[first] = members[second]


def added(members: dict) -> None:
    first = images(members)[0]
    members[first.replace(Path(first).stem, "another")] = members[first]
    table = json.loads(members["train.json"])
    image = {**table["images"][0], "id": 10**6, "file_name": first.replace(Path(first).stem, "another")}
    if "/" not in table["images"][0]["file_name"]:
        image["file_name"] = Path(image["file_name"]).name
    table["images"].append(image)
    members["train.json"] = json.dumps(table).encode()


def another_category(members: dict) -> None:
    table = json.loads(members["train.json"])
    table["categories"][0]["name"] = "glider"
    members["train.json"] = json.dumps(table).encode()


def one_annotation_less(members: dict) -> None:
    table = json.loads(members["train.json"])
    table["annotations"].pop()
    members["train.json"] = json.dumps(table).encode()


AFTER_DATASET = {rule: count for rule, count in after("dataset").items() if rule != "dataset"}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda members: None, {}),
        (removed, AFTER_DATASET),
        (exchanged, AFTER_DATASET),
        (added, AFTER_DATASET),
        (one_annotation_less, AFTER_DATASET),
        (another_category, AFTER_DATASET),
    ],
    ids=lambda value: getattr(value, "__name__", "").replace("<lambda>", "packed_anew"),
)
def test_the_data(finished, tmp_path, change, expected):
    """Another archive makes the dataset anew; what follows runs where the content is another, too."""
    work = finished.copy(tmp_path)
    repack(work / "data/tiny/archive.zip", change)
    assert finished.planned(work) == after("dataset")
    finished.run("data/tiny/dataset/digest.txt", work=work)
    assert finished.planned(work) == expected


def test_why(finished, tmp_path):
    """The words name the key, the module, the library and the input that a job runs for."""
    work = finished.copy(tmp_path)
    configure(work, {"detection": {"resnet18": {"solver": {"base_lr": 0.5}}}})
    coco = finished.project / "podium/evaluation/coco.py"
    with edited(coco, f"{coco.read_text()}\nCHANGED = 1\n"):
        jobs = finished.explained(work, versions={"albumentations": "9.0"})
    said = {(rule, Path(output).parent.name): changes for rule, output, changes in jobs}
    installed = importlib.metadata.version("albumentations")
    before = re.match(r"\d+\.\d+", installed)[0]
    trained = said["train_detector", "resnet18"]
    assert trained[:2] == [
        "setting experiment.solver.base_lr: 0.0012 -> 0.5",
        "code: podium/evaluation/coco.py changed",
    ]
    assert trained[2].startswith(f"library: albumentations {before} ")
    assert "-> albumentations 9.0 " in trained[2]
    assert said["draw_schedule", "resnet18"] == ["setting solver.base_lr: 0.0012 -> 0.5"]
    assert said["draw_curves", "resnet18"] == []
    assert said["report", "tiny"][0] == "setting competition.detection.resnet18.solver.base_lr: 0.0012 -> 0.5"
