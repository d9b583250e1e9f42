import subprocess
import sys

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
            for function in (module.fingerprint, module._imports, module._tree, module._content):
                function.cache_clear()
            return module.fingerprint("scripts/train.py"), module.fingerprint("scripts/other.py")

    monkeypatch.setattr(module, "ROOT", tmp_path)
    tree = Tree()
    for name, text in FILES.items():
        tree.write(name, text)
    yield tree
    monkeypatch.undo()
    for function in (module.fingerprint, module._imports, module._tree, module._content):
        function.cache_clear()


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


def test_relative_imports_are_refused(tree):
    tree.write("podium/data/masks.py", "from .unused import X\n")
    with pytest.raises(PodiumError, match="relative import") as caught:
        tree.digests()
    assert caught.value.file.name == "masks.py"


@pytest.mark.parametrize("script", ["splits.py", "train_detector.py", "write_submission.py"])
def test_of_the_real_scripts_all_that_they_load_counts(script, root):
    """Python itself is asked which modules of podium are loaded after a script's imports."""
    code = (
        "import runpy, sys\n"
        f"runpy.run_path('scripts/{script}', run_name='imported')\n"
        "print(*[name for name in sys.modules if name.split('.')[0] == 'podium'])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    files, queue = set(), [root / "scripts" / script]
    while queue:
        for name in module._imports(queue.pop()):
            new = [file for file in module._files_of(name) if file not in files and file.suffix == ".py"]
            files.update(new)
            queue += new
    found = {".".join(file.relative_to(root).with_suffix("").parts).removesuffix(".__init__") for file in files}
    assert found == set(done.stdout.split())
