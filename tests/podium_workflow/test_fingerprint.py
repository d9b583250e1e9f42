import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from podium.errors import PodiumError
from podium.workflow import fingerprint as module

FILES = {
    "scripts/train.py": '"""Train."""\n\nfrom podium.training.loop import fit\n\nfit(1)\n',
    "scripts/other.py": "import podium.data.masks as masks\n\nmasks.f()\n",
    "podium/__init__.py": "",
    "podium/errors.py": "class PodiumError(Exception):\n    pass\n",
    "podium/training/__init__.py": "",
    "podium/training/loop.py": '"""Loop."""\n\nimport math\n\nfrom podium.data import masks\n\n\n'
    'def fit(n):\n    """Fit."""\n    # A comment.\n    return math.sin(n) + masks.f()\n',
    "podium/data/__init__.py": "",
    "podium/data/masks.py": "from podium.errors import PodiumError\n\n\n"
    "def f():\n    return PodiumError, 'table.yaml'\n",
    "podium/data/unused.py": "X = 1\n",
    "podium/data/table.yaml": "a: 1\n",
    "podium/report/__init__.py": "",
    "podium/report/page.html": "<p>\n",
    "podium/report/page.py": "X = 'page.html'\n",
}


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A small project; `digests` are the fingerprints of its two scripts as its files now are."""

    class Tree:
        def write(self, name, text):
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")

        def digests(self):
            module.forget()
            return module.fingerprint("scripts/train.py"), module.fingerprint("scripts/other.py")

    monkeypatch.setattr(module, "ROOT", tmp_path)
    tree = Tree()
    for name, text in FILES.items():
        tree.write(name, text)
    yield tree
    monkeypatch.undo()
    module.forget()


LOOP, MASKS = FILES["podium/training/loop.py"], FILES["podium/data/masks.py"]
NEITHER, TRAIN, BOTH = (False, False), (True, False), (True, True)


@pytest.mark.parametrize(
    ("name", "text", "changed"),
    [
        ("podium/training/loop.py", LOOP.replace("# A comment.", "# Another one.\n    # Of two lines."), NEITHER),
        ("podium/training/loop.py", LOOP.replace('"""Fit."""', '"""Fit\n\n    at length."""'), NEITHER),
        ("podium/training/loop.py", LOOP.replace('    """Fit."""\n', ""), NEITHER),
        ("podium/training/loop.py", LOOP.replace('"""Loop."""\n\n', ""), NEITHER),
        ("podium/training/loop.py", LOOP.replace("fit(n)", "fit( n )").replace("\n\n", "\n\n\n"), NEITHER),
        ("podium/training/loop.py", LOOP.replace("\n", "\r\n"), NEITHER),
        (
            "podium/data/masks.py",
            MASKS.replace("PodiumError", "(PodiumError)", 2).replace("import (P", "import (P"),
            NEITHER,
        ),
        ("podium/training/loop.py", LOOP.replace("math.sin", "math.cos"), TRAIN),
        ("podium/training/loop.py", LOOP.replace("def fit(n)", "def fit(n=1)"), TRAIN),
        ("scripts/train.py", FILES["scripts/train.py"].replace("fit(1)", "fit(2)"), TRAIN),
        ("podium/training/__init__.py", "X = 1\n", TRAIN),
        ("podium/data/masks.py", MASKS.replace("return PodiumError,", "return 3,"), BOTH),
        ("podium/errors.py", "class PodiumError(ValueError):\n    pass\n", BOTH),
        ("podium/__init__.py", "X = 1\n", BOTH),
        ("podium/data/table.yaml", "a: 2\n", BOTH),
        ("podium/data/second.yaml", "b: 1\n", NEITHER),
        ("podium/data/unused.py", "X = 3\n", NEITHER),
        ("podium/data/new.py", "X = 3\n", NEITHER),
        ("podium/data/notes.txt", "words\n", NEITHER),
        ("podium/report/page.html", "<b>\n", NEITHER),
        ("podium/report/page.py", "X = 3\n", NEITHER),
        ("scripts/third.py", "X = 3\n", NEITHER),
    ],
)
def test_what_changes_which_fingerprint(tree, name, text, changed):
    before = tree.digests()
    tree.write(name, text)
    after = tree.digests()
    assert tuple(a != b for a, b in zip(before, after, strict=True)) == changed
    tree.write(name, FILES.get(name, ""))
    if name in FILES:
        assert tree.digests() == before


def test_a_module_begun_to_be_imported_counts_from_then_on(tree):
    tree.write("podium/training/loop.py", LOOP.replace("import math", "import math\n\nimport podium.report.page"))
    before = tree.digests()
    tree.write("podium/report/page.html", "<b>\n")
    assert tree.digests()[0] != before[0]


def test_an_import_inside_a_function_counts(tree):
    tree.write("scripts/train.py", "def main():\n    from podium.report import page\n    return page\n")
    before = tree.digests()
    tree.write("podium/report/page.py", "X = 3\n")
    assert tree.digests()[0] != before[0]


def test_a_class_that_loses_its_docstring_stays_the_same_and_one_that_loses_a_string_does_not(tree):
    tree.write("podium/data/masks.py", 'class A:\n    """Doc."""\n    "more"\n')
    before = tree.digests()
    tree.write("podium/data/masks.py", 'class A:\n    """Other."""\n    "more"\n')
    assert tree.digests() == before
    tree.write("podium/data/masks.py", 'class A:\n    """Doc."""\n    x = "more"\n')
    assert tree.digests() != before


def test_the_description_of_a_field_does_not_count_and_all_else_of_it_does(tree):
    field = 'x: int = Field(3, ge=1, description="how {}")\n'
    tree.write("podium/data/masks.py", field.format("many"))
    before = tree.digests()
    tree.write("podium/data/masks.py", field.format("few"))
    assert tree.digests() == before
    for other in (field.replace("ge=1", "ge=2"), field.replace("Field", "draw"), field.replace('"how {}"', "words()")):
        tree.write("podium/data/masks.py", other)
        assert tree.digests() != before


def test_relative_imports_are_refused(tree):
    tree.write("podium/data/masks.py", "from .unused import X\n")
    with pytest.raises(PodiumError, match="relative import") as caught:
        tree.digests()
    assert caught.value.file.name == "masks.py"


@pytest.mark.parametrize(
    "line",
    [
        "importlib.import_module(name)",
        "from importlib import import_module as get\n\nget(name)",
        "f = importlib.import_module",
        "__import__('podium.data.unused')",
        "exec('import podium.data.unused')",
        "x = eval(name)",
        "runpy.run_path('podium/data/unused.py')",
    ],
)
def test_code_that_is_named_only_when_it_runs_is_refused(tree, line):
    tree.write("podium/data/masks.py", f"X = 1\n{line}\n")
    with pytest.raises(PodiumError, match="named only when it runs") as caught:
        tree.digests()
    assert (caught.value.file.name, caught.value.record.split(",")[0]) == ("masks.py", "line 2")


def test_methods_that_are_only_called_like_it_are_not(tree):
    tree.write("podium/data/masks.py", "model.eval()\nre.compile('x')\nfind_spec('detectron2')\n")
    tree.digests()


@pytest.mark.parametrize("line", ["importlib.import_module('podium.data.unused')", "run(['-m', 'podium.data.unused'])"])
def test_a_module_named_in_plain_sight_counts_however_it_is_used(tree, line):
    tree.write("podium/data/masks.py", f"{line}\n")
    before = tree.digests()
    tree.write("podium/data/unused.py", "X = 3\n")
    assert all(a != b for a, b in zip(before, tree.digests(), strict=True))


@pytest.mark.parametrize(
    ("was", "now", "same"),
    [
        ("log.info('found %d', n)", "log.info('there are %d', n)", True),
        ("log.info(f'found {n:.2f}')", "log.info(f'there are {n:.3f}')", False),
        ("log.info(f'found {n}')", "log.info(f'there are {n}')", True),
        ("logging.warning('a')", "logging.warning('b')", True),
        ("log.info('found %d', f(1))", "log.info('found %d', f(2))", False),
        ("log.info('found %d', f('a'))", "log.info('found %d', f('b'))", False),
        ("log.append('a')", "log.append('b')", False),
        ("x = log.info('a')", "x = log.info('b')", False),
        ("print('a')", "print('b')", False),
    ],
)
def test_the_words_of_log_lines_do_not_count_and_what_they_compute_does(tree, was, now, same):
    tree.write("podium/data/masks.py", f"{was}\n")
    before = tree.digests()
    tree.write("podium/data/masks.py", f"{now}\n")
    assert (tree.digests() == before) == same


def test_observers_and_what_only_they_import_count_where_they_are_the_result(tree, monkeypatch):
    monkeypatch.setattr(module, "OBSERVERS", {"podium.training.loop": ("scripts/other.py",)})
    tree.write("podium/training/loop.py", "import podium.errors\nimport podium.report.page\n")
    tree.write("scripts/train.py", "import podium.errors\nimport podium.training.loop\n")
    tree.write("scripts/other.py", "import podium.training.loop\n")
    changes = {}
    for name in ("podium/training/loop.py", "podium/report/page.py", "podium/errors.py"):
        before = tree.digests()
        tree.write(
            name, "X = 4\n" if name != "podium/training/loop.py" else "import podium.report.page, podium.errors\n"
        )
        changes[name] = tuple(a != b for a, b in zip(before, tree.digests(), strict=True))
    assert changes == {
        "podium/training/loop.py": (False, True),
        "podium/report/page.py": (False, True),
        "podium/errors.py": (True, True),
    }


def test_the_observers_are_there_and_so_are_their_scripts(root):
    for name, scripts in module.OBSERVERS.items():
        assert (root / f"{name.replace('.', '/')}.py").is_file()
        assert all((root / script).is_file() for script in scripts)
        importing = [*(root / "podium").rglob("*.py"), *(root / "scripts").glob("*.py")]
        assert any(f"from {name} import" in file.read_text() for file in importing), f"nothing imports {name}"


def test_modules_say_which_of_them_changed(tree):
    tree.digests()
    before = module.modules("scripts/train.py")
    assert list(before) == sorted(before)
    assert {"scripts/train.py", "podium/data/masks.py", "podium/data/table.yaml", "podium/__init__.py"} <= set(before)
    tree.write("podium/data/table.yaml", "a: 2\n")
    tree.digests()
    after = module.modules("scripts/train.py")
    assert {name for name in before if before[name] != after[name]} == {"podium/data/table.yaml"}


def test_what_was_read_of_a_file_is_kept_and_used_only_for_the_same_content(tree, tmp_path, monkeypatch):
    first = tree.digests()
    store = tmp_path / "podium/__pycache__/fingerprints.json"
    covered = {**module.modules("scripts/train.py"), **module.modules("scripts/other.py")}
    contents = {hashlib.sha256(FILES[name].encode()).hexdigest() for name in covered if name.endswith(".py")}
    assert set(json.loads(store.read_text())["files"]) == contents
    with monkeypatch.context() as patch:
        patch.setattr(module, "_parse", lambda source, file: pytest.fail(f"{file} was read twice"))
        assert tree.digests() == first
    tree.write("podium/training/loop.py", LOOP.replace("math.sin", "math.cos"))
    assert tree.digests()[0] != first[0]
    tree.write("podium/training/loop.py", LOOP)
    for damaged in ("", "[]", "{}", '{"by": "another version", "files": {}}'):
        store.write_text(damaged)
        assert tree.digests() == first


def test_without_a_place_to_keep_it_it_is_read_each_time(tree, tmp_path):
    first = tree.digests()
    store = tmp_path / "podium/__pycache__"
    (store / "fingerprints.json").unlink()
    store.rmdir()
    store.write_text("a file where the folder should be")
    assert tree.digests() == first


def test_the_releases_of_the_libraries_that_compute(tree, monkeypatch):
    installed = {"torch": "2.15.0+cpu", "torchvision": "0.29.1", "albumentations": "2.0.8", "detectron2": "0.6"}

    def version(package):
        if package not in installed:
            raise module.metadata.PackageNotFoundError(package)
        return installed[package]

    monkeypatch.setattr(module.metadata, "version", version)
    tree.write("podium/training/loop.py", "import torch.nn as nn\nfrom torchvision.ops import nms\nimport numpy\n")
    tree.digests()
    assert module.environment("scripts/train.py") == "torch 2.15 torchvision 0.29"
    assert module.environment("scripts/train.py", "detectron2") == "detectron2 0.6 torch 2.15 torchvision 0.29"
    assert module.environment("scripts/other.py") == ""
    installed["torch"] = "2.15.3"
    module.forget()
    assert module.environment("scripts/train.py") == "torch 2.15 torchvision 0.29"
    installed["torch"] = "2.16.0"
    del installed["torchvision"]
    module.forget()
    assert module.environment("scripts/train.py") == "torch 2.16"


def test_the_libraries_are_dependencies_of_this_project(root):
    declared = (root / "pyproject.toml").read_text()
    assert all(f'"{package}>=' in declared for package in module.LIBRARIES.values())


@pytest.mark.parametrize("script", ["splits.py", "train_detector.py", "write_submission.py"])
def test_of_the_real_scripts_all_that_they_load_counts(script, root, monkeypatch):
    """Python itself is asked which modules of podium are loaded after a script's imports."""
    code = (
        "import runpy, sys\n"
        f"runpy.run_path('scripts/{script}', run_name='imported')\n"
        "print(*[name for name in sys.modules if name.split('.')[0] == 'podium'])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    tracking = {"podium.training.tracking", "podium.config.tracking"}  # imports what its settings name
    monkeypatch.setattr(module, "OBSERVERS", {"podium.training.tracking": ()})
    module.forget()
    files = [Path(file) for file in module.modules(f"scripts/{script}") if file.endswith(".py")]
    module.forget()
    found = {".".join(file.with_suffix("").parts).removesuffix(".__init__") for file in files}
    assert set(done.stdout.split()) - tracking <= found
