"""Wrong configurations: each kind of mistake is told with its file, line, key and what would be right."""

import re
from pathlib import Path

import pytest

from podium.config.load import check_competition, load_competition, merge, read_yaml
from podium.errors import PodiumError
from tests.config.minimal import TEXT, changed


@pytest.fixture
def wrong(tmp_path):
    """Return a function that loads the minimal text with one replacement and returns the error's lines."""

    def load(old: str, new: str) -> list[str]:
        assert TEXT.count(old) == 1
        file = tmp_path / "wrong.yaml"
        file.write_text(TEXT.replace(old, new), encoding="utf-8")
        with pytest.raises(PodiumError) as caught:
            load_competition([file])
        first, *problems = str(caught.value).replace(f"{file}, ", "").splitlines()
        assert first == "the configuration is wrong."
        return problems

    return load


def test_the_minimal_text_is_right(tmp_path):
    file = tmp_path / "right.yaml"
    file.write_text(TEXT, encoding="utf-8")
    competition = load_competition([file])
    assert competition.name == "tiny"
    assert competition.splits.val == 0.2
    assert competition.detection["boxes"].solver.max_iter == 100
    assert competition.submission.format.id_column == "ImageId"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("name: tiny", "name: tiny\ntitel: x", "line 2: titel: unknown key; did you mean 'title'? Known keys here: "),
        ("  val: 0.2", "  vall: 0.2", "line 6: splits.vall: unknown key; did you mean 'val'? Known keys here: folds, "),
        (
            "      max_iter: 100",
            "      max_iters: 1\n      max_iter: 100",
            "line 12: detection.boxes.solver.max_iters: ",
        ),
        ("backbone:", "backbon:", "line 9: detection.boxes.model.backbon: unknown key; did you mean 'backbone'? "),
        ("kind: generated}", "kind: generated, sed: 1}", "line 2: source.sed: unknown key; did you mean 'seed'? "),
        ("kind: coco}", "kind: coco, xyzzy: 1}", "line 3: layout.xyzzy: unknown key; Known keys here: annotations, "),
        (
            "  experiment: both",
            "  experimant: x\n  experiment: both",
            "line 19: submission.experimant: unknown key; did ",
        ),
    ],
)
def test_an_unknown_key_is_told_with_its_line_and_the_nearest_known_one(wrong, old, new, told):
    (problem,) = wrong(old, new)
    assert problem.startswith(told)


def test_the_known_keys_are_those_of_the_chosen_kind(wrong):
    (problem,) = wrong("kind: generated}", "kind: generated, path: x}")
    assert problem.endswith("Known keys here: kind, seed, size, test_images, train_images")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("name: tiny\n", "", "line 1: name: this key is required and missing"),
        ("      base_lr: 0.01\n", "", "line 10: detection.boxes.solver.base_lr: this key is required and missing"),
        ("  experiment: both\n", "", "line 18: submission.experiment: this key is required and missing"),
        ("detection: boxes, ", "", "line 17: instances.both.detection: this key is required and missing"),
        (
            "{kind: generated}",
            "{seed: 1}",
            "line 2: source.kind: this key is required and missing; one of: generated, kaggle, local",
        ),
    ],
)
def test_a_missing_key_is_told_with_the_line_of_its_section(wrong, old, new, told):
    assert told in wrong(old, new)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("  val: 0.2", "  val: many", "line 6: splits.val: Input should be a valid number, .*'many'"),
        ("  val: 0.2", "  val: 1.5", r"line 6: splits.val: .*less than or equal to 1 \(it is 1.5\)"),
        ("  val: 0.2", "  val: .nan", r"line 6: splits.val: .*finite number \(it is nan\)"),
        ("  seed: 1", "  seed: -1", r"line 5: splits.seed: .*greater than or equal to 0 \(it is -1\)"),
        ("  seed: 1", "  seed: [1]", "line 5: splits.seed: Input should be a valid integer"),
        ("      max_iter: 100", "      max_iter: 1.5", "line 12: detection.boxes.solver.max_iter: .*it is 1.5"),
        ("resnet18", "resnet19", "line 9: detection.boxes.model.backbone: Input should be 'resnet18', .*'resnet19'"),
        ("resnet18}", "resnet18, levels: 3}", r"line 9: detection.boxes.model.levels: .*a valid list \(it is 3\)"),
        ("resnet18}", "resnet18, levels: [2, x]}", "line 9: detection.boxes.model.levels.1: .*valid integer"),
        ("{kind: coco}", "coco", "line 3: layout: Input should be a valid mapping .*'coco'"),
        ("name: tiny", "name: a b/c", "line 1: name: a name has letters, digits, - and _ only, .*'a b/c'"),
        ("  boxes:", "  bo xes:", "line 8: detection.bo xes: a name has letters, digits"),
        ("  boxes:", "  on:", r"line 8: detection.true: put it in quotes: .*\(it is true\)"),
        ("  boxes:", "  50:", r"line 8: detection.50: put it in quotes: .*\(it is 50\)"),
        ("detection: boxes,", "detection: 50,", r"line 17: instances.both.detection: put it in quotes: .*\(it is 50\)"),
        (
            "  masks:\n    solver: {base_lr: 0.01, max_iter: 100}",
            "  masks:",
            r"line 14: segmentation.masks: .*\(it is empty\)",
        ),
        (
            "kind: generated}",
            "kind: kaggle, competition: https://a/b}",
            "line 2: source.competition: 'https://a/b' .*: the last part of its address",
        ),
        (
            "kind: generated}",
            "kind: kaggle, competition: a, files: [../b]}",
            "line 2: source.files.0: '../b' .*: names of single files",
        ),
        ("resnet18}", "resnet18, weights: coco}", "line 9: detection.boxes.model.weights: 'coco' .*: none; imagenet"),
        (
            "resnet18}",
            "resnet18, levels: [2, 3, 4]}",
            "line 9: detection.boxes.model.levels: .*at most 2 items, not 3",
        ),
    ],
)
def test_a_wrong_value_is_told_with_itself_and_what_is_allowed(wrong, old, new, told):
    problems = wrong(old, new)
    assert any(re.match(told, problem) for problem in problems), problems


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (
            "kind: generated}",
            "kind: kagle}",
            "line 2: source.kind: 'kagle' is unknown; did you mean 'kaggle'? Known: generated, kaggle, local",
        ),
        ("kind: coco}", "kind: 7}", "line 3: layout.kind: '7' is unknown; Known: coco, dsb2018, isaid"),
    ],
)
def test_an_unknown_kind_is_told_with_the_known_ones(wrong, old, new, told):
    assert wrong(old, new) == [told]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("  val: 0.2", "  val: 0.9\n  test: 0.1", "line 4: splits: val 0.9 and test 0.1 leave no images for training"),
        (
            "resnet18}",
            "resnet18, levels: [2, 3]}",
            "line 9: detection.boxes.model: 5 anchor_sizes for the 2 levels 2 to 3",
        ),
        (
            "  experiment: both",
            "  experiment: bth",
            "line 19: submission.experiment: no instances experiment is named 'bth'; did you mean 'both'? Known: both",
        ),
        (
            "detection: boxes,",
            "detection: bxes,",
            "line 17: instances.both.detection: no detection experiment is named 'bxes'; did you mean 'boxes'? "
            "Known: boxes",
        ),
        (
            "  masks:",
            "  masks:\n    fold: 3",
            "line 15: segmentation.masks.fold is 3, but splits.folds is 1 (folds count from 0)",
        ),
    ],
)
def test_values_that_do_not_go_together_are_told_with_their_line(wrong, old, new, told):
    assert wrong(old, new) == [told]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("format: dsb2018", "format: dsb2081", "line 20: submission.format: no submission format is named 'dsb2081'; "),
        ("  format: dsb2018\n", "", "line 18: submission.format: this key is required and missing"),
        (
            "format: dsb2018",
            "format: {id_column: a, rows: images, empty: '', code: {order: row, base: 1}}",
            "line 20: submission.format.rows: Input should be 'instance', 'image' or 'category' (it is 'images')",
        ),
        (
            "submission:",
            "share: {parts: [vall]}\nsubmission:",
            "line 18: share.parts.0: Input should be 'val', 'test' or 'submission' (it is 'vall')",
        ),
        (
            "submission:",
            "selection: {among: al}\nsubmission:",
            "line 18: selection.among: Input should be 'all', 'written' or 'ablations' or a valid list (it is 'al')",
        ),
        (
            "submission:",
            "selection: {among: [a b]}\nsubmission:",
            "line 18: selection.among.0: a name has letters, digits, - and _ only, ",
        ),
        (
            "submission:",
            "ablations: {rate: {of: detection.boxes, vary: {solver.base_lr: 0.1}}}\nsubmission:",
            "line 18: ablations.rate.vary.solver.base_lr: Input should be a valid list or a valid mapping (it is 0.1)",
        ),
        (
            "submission:",
            "ablations: {rate: {of: boxes, vary: {solver.base_lr: [0.1]}}}\nsubmission:",
            "line 18: ablations.rate.of: 'boxes' is not what belongs here: station and name of the experiment that the "
            "points are made of, as detection.x101",
        ),
        (
            "backbone: resnet18}",
            "backbone: resnet18}\n    input: {tiles: true}",
            "line 10: detection.boxes.input.tiles: Input should be a valid mapping (it is true)",
        ),
    ],
)
def test_one_fault_is_one_line(wrong, old, new, told):
    (problem,) = wrong(old, new)
    assert problem.startswith(told)


@pytest.mark.parametrize("name", ["on", "bo xes"])
def test_a_wrong_name_hides_nothing_of_what_it_names(wrong, name):
    first, second, *rest = wrong("  boxes:\n    model: {backbone: resnet18}", f"  {name}:\n    model: {{backbone: x}}")
    assert first.startswith(f"line 8: detection.{'true' if name == 'on' else name}: ")
    assert second.startswith("line 9: detection.") and "model.backbone: Input should be 'resnet18', " in second
    assert rest == []
    assert len(wrong("  masks:\n    solver: {base_lr: 0.01, max_iter: 100}", f"  {name}:")) == 2


def test_an_overlay_alone_is_told_where_it_goes(tmp_path):
    file = tmp_path / "overlay.yaml"
    file.write_text("splits: {val: 0.3}\n", encoding="utf-8")
    with pytest.raises(PodiumError) as caught:
        load_competition([file])
    assert caught.value.mend.startswith("if it is an overlay, name it behind the file that it is laid over, ")
    file.write_text(TEXT.replace("name: tiny\n", ""), encoding="utf-8")
    with pytest.raises(PodiumError) as caught:
        load_competition([file])
    assert caught.value.mend is None


def test_all_problems_are_told_at_once(tmp_path):
    file = tmp_path / "wrong.yaml"
    file.write_text(TEXT.replace("val: 0.2", "val: x").replace("max_iter: 100}", "max_itr: 1}"), encoding="utf-8")
    with pytest.raises(PodiumError) as caught:
        load_competition([file])
    text = str(caught.value)
    for told in ("line 6: splits.val", "line 15: segmentation.masks.solver.max_iter: this", "solver.max_itr: unknown"):
        assert told in text
    assert text.count("\n") == 3


def test_a_wrong_key_that_an_anchor_brings_is_told_with_the_anchors_line(tmp_path):
    file = tmp_path / "wrong.yaml"
    anchored = "    solver: &solver\n      base_lr: 0.01\n      max_itr: 5"
    text = TEXT.replace("    solver:\n      base_lr: 0.01", anchored)
    text = text.replace("solver: {base_lr: 0.01, max_iter: 100}", "solver: {<<: *solver, max_iter: 100}")
    file.write_text(text, encoding="utf-8")
    with pytest.raises(PodiumError) as caught:
        load_competition([file])
    assert f"{file}, line 12: detection.boxes.solver.max_itr: unknown key" in str(caught.value)
    assert f"{file}, line 12: segmentation.masks.solver.max_itr: unknown key" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("name: a\nsplits: {}\nname: b\n", "the key 'name' is there twice: in line 1 and in line 3"),
        ("detection:\n  a: {}\n  b: {}\n  a: {}\n", "the key 'a' is there twice: in line 2 and in line 4"),
        ("x:\n- k: 1\n  k: 2\n", "the key 'k' is there twice: in line 2 and in line 3"),
    ],
)
def test_a_key_that_is_there_twice_is_refused(tmp_path, text, told):
    file = tmp_path / "twice.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(PodiumError) as caught:
        load_competition([file])
    assert str(caught.value).startswith(f"file {file}: {told}\n")


def test_one_key_in_two_mappings_and_anchors_are_no_doubles(tmp_path):
    file = tmp_path / "right.yaml"
    text = TEXT.replace("    solver:\n", "    solver: &solver\n")
    text = text.replace("solver: {base_lr: 0.01, max_iter: 100}", "solver: {<<: *solver, base_lr: 0.5}")
    file.write_text(text, encoding="utf-8")
    solver = load_competition([file]).segmentation["masks"].solver
    assert (solver.base_lr, solver.max_iter) == (0.5, 100)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"- a\n", "a configuration is a mapping of keys to values, not ['a']"),
        (b"", "a configuration is a mapping of keys to values, not None"),
        (b"a: [1\n", "not valid YAML: while parsing a flow sequence"),
        (b"a: \xff\n", "the configuration file cannot be read: 'utf-8' codec"),
        (b"a: !!python/object/apply:os.getcwd []\n", "not valid YAML: could not determine a constructor"),
    ],
)
def test_a_file_that_is_no_configuration_is_refused_by_name(tmp_path, content, told):
    file = tmp_path / "wrong.yaml"
    file.write_bytes(content)
    with pytest.raises(PodiumError) as caught:
        read_yaml(file)
    assert str(caught.value).startswith(f"file {file}: {told}")


def test_a_file_that_is_missing_or_a_folder_is_refused_by_name(tmp_path):
    with pytest.raises(PodiumError) as caught:
        load_competition([tmp_path / "none.yaml"])
    assert str(caught.value) == f"file {tmp_path / 'none.yaml'}: the configuration file is missing"
    with pytest.raises(PodiumError, match="cannot be read"):
        load_competition([tmp_path])


def test_an_overlay_merges_mappings_and_replaces_the_rest(tmp_path):
    base, overlay = tmp_path / "base.yaml", tmp_path / "overlay.yaml"
    base.write_text(TEXT, encoding="utf-8")
    overlay.write_text(
        "splits: {val: 0.3}\ndetection: {boxes: {model: {levels: [2, 3], anchor_sizes: [8, 16]}}}\nsubmission: null\n",
        encoding="utf-8",
    )
    competition = load_competition([base, overlay])
    assert (competition.splits.val, competition.splits.seed) == (0.3, 1)
    model = competition.detection["boxes"].model
    assert (model.backbone, model.levels, model.anchor_sizes) == ("resnet18", (2, 3), (8, 16))
    assert competition.submission is None


def test_a_wrong_key_of_an_overlay_is_told_with_the_overlays_name(tmp_path):
    base, overlay = tmp_path / "base.yaml", tmp_path / "overlay.yaml"
    base.write_text(TEXT, encoding="utf-8")
    overlay.write_text("report:\n  galery: 3\nsplits:\n\n  val: 7\n", encoding="utf-8")
    with pytest.raises(PodiumError) as caught:
        load_competition([base, overlay])
    assert f"{overlay}, line 2: report.galery: unknown key; did you mean 'gallery'?" in str(caught.value)
    assert f"{overlay}, line 5: splits.val: " in str(caught.value)
    assert str(base) not in str(caught.value)


def test_merging_leaves_its_arguments_as_they_are():
    base, overlay = {"a": {"b": 1, "c": [1, 2]}, "d": {"e": 1}}, {"a": {"c": [3]}, "d": 5, "f": {"g": 1}}
    assert merge(base, overlay) == {"a": {"b": 1, "c": [3]}, "d": 5, "f": {"g": 1}}
    assert base == {"a": {"b": 1, "c": [1, 2]}, "d": {"e": 1}}
    assert overlay == {"a": {"c": [3]}, "d": 5, "f": {"g": 1}}


def test_a_key_from_the_command_line_is_told_without_a_file(tmp_path):
    file = tmp_path / "right.yaml"
    file.write_text(TEXT, encoding="utf-8")
    with pytest.raises(PodiumError) as caught:
        check_competition({**changed(), "titel": "x"}, [file])
    assert str(caught.value).splitlines()[1].startswith("titel: unknown key; did you mean 'title'?")


def test_the_shipped_configurations_load(root):
    files = sorted((root / "config").glob("*.yaml"))
    assert Path("demo.yaml") in [Path(file.name) for file in files]
    for file in files:
        # `name.machine.yaml` is laid over `name.yaml`, `name.machine.more.yaml` over both.
        parts = file.name.removesuffix(".yaml").split(".")
        layers = [file.with_name(".".join([*parts[:end], "yaml"])) for end in range(1, len(parts) + 1)]
        assert load_competition(layers).name == parts[0]
