"""What a script's result depends on in this project's own code, and in the libraries that compute it.

A fingerprint covers a script, every module of `podium` that it imports, directly or not, and the data files beside
those modules that they name. It is made of syntax trees: comments, docstrings, descriptions of fields, formatting and
the words of log lines do not count. Nothing is imported, so that planning a workflow stays fast; what was read of a
file's content is kept beside Python's byte code.
"""

import ast
import hashlib
import json
import os
import re
from collections.abc import Iterator
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from podium.errors import PodiumError

ROOT = Path(__file__).parents[2]
PACKAGE = "podium"

OBSERVERS = {
    "podium.workflow.script": (),
    "podium.training.progress": (),
    "podium.training.tracking": (),
    "podium.training.watchers": (),
    "podium.training.schedule_advice": ("scripts/draw_schedule.py",),
}
"""Modules that tell of the work and have no part in its result: logs, provenance, trackers. Neither they nor what only
they import count, but for the scripts named here, whose result is what they tell."""

LIBRARIES = {
    "albumentations": "albumentations",
    "segmentation_models_pytorch": "segmentation-models-pytorch",
    "torch": "torch",
    "torchvision": "torchvision",
}
"""Modules whose release (major.minor) a result depends on, and the packages that they come in."""

# What imports or runs code whose name only shows when it runs.
_DYNAMIC_NAMES = {"__import__", "eval", "exec"}
_DYNAMIC = {"import_module", "run_module", "run_path", "exec_module", "spec_from_file_location"}
_LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}


class Content(NamedTuple):
    """What counts of a Python file: a digest, the names that it imports, and the strings that could name files."""

    digest: str
    imports: list[str]
    names: list[str]


@cache
def fingerprint(script: str) -> str:
    """Return a digest (16 hexadecimal digits) of a script, given relative to the project's root, and its imports."""
    return hashlib.sha256(json.dumps(modules(script)).encode()).hexdigest()[:16]


@cache
def modules(script: str) -> dict[str, str]:
    """Return the files that a fingerprint covers, relative to the project's root, each with a digest of what counts."""
    digests = {file.relative_to(ROOT).as_posix(): _digest(file) for file in _files(script)}
    _remember()
    return dict(sorted(digests.items()))


@cache
def environment(script: str, *more: str) -> str:
    """Return the releases of the libraries that compute a script's result: `torch 2.15 torchvision 0.29`.

    They are those of the environment that plans the workflow. A package that is not installed there is left out.

    Parameters
    ----------
    script
        The script, relative to the project's root; it names the libraries by importing them, directly or not.
    more
        Packages besides, which only some settings make it use.
    """
    imported = {name.split(".")[0] for file in _files(script) if file.suffix == ".py" for name in _read(file).imports}
    packages = sorted({LIBRARIES[name] for name in imported if name in LIBRARIES} | set(more))
    return " ".join(f"{package} {release}" for package in packages if (release := _release(package)))


@cache
def _release(package: str) -> str | None:
    try:
        return re.match(r"\d+(\.\d+)?", metadata.version(package))[0]
    except metadata.PackageNotFoundError:
        return None


@cache
def _files(script: str) -> frozenset[Path]:
    left_out = {module for module, kept in OBSERVERS.items() if script not in kept}
    files, queue = {ROOT / script}, [ROOT / script]
    while queue:
        for module in _modules_of(queue.pop()) - left_out:
            for file in _files_of(module):
                if file not in files:
                    files.add(file)
                    if file.suffix == ".py":
                        queue.append(file)
    return frozenset(files)


@cache
def _modules_of(file: Path) -> frozenset[str]:
    """List the names of the package that a file imports, modules and what is in them, and their parent packages."""
    own = [name.split(".") for name in _read(file).imports if name.split(".")[0] == PACKAGE]
    return frozenset(".".join(parts[:end]) for parts in own for end in range(1, len(parts) + 1))


@cache
def _files_of(module: str) -> list[Path]:
    """Return a module's file and the files beside it that are named in it; nothing for other names."""
    path = ROOT.joinpath(*module.split("."))
    for file in (path.with_suffix(".py"), path / "__init__.py"):
        if file.is_file():
            names = set(_read(file).names)
            return [file, *(file.parent / other for other in _data_files(file.parent) if other in names)]
    return []


@cache
def _data_files(folder: Path) -> list[str]:
    return [name for name in os.listdir(folder) if not name.endswith(".py") and Path(name).suffix]  # noqa: PTH208


def _digest(file: Path) -> str:
    return _read(file).digest if file.suffix == ".py" else hashlib.sha256(file.read_bytes()).hexdigest()[:16]


@cache
def _read(file: Path) -> Content:
    source = file.read_bytes()
    key = hashlib.sha256(source).hexdigest()
    known = _known()
    if key not in known:
        known[key] = _parse(source, file)
        _unsaved.add(key)
    return Content(*known[key])


def _parse(source: bytes, file: Path) -> Content:
    tree = ast.parse(source, filename=str(file))
    imports = sorted(set(_imports(tree, file)))
    strings = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    names = sorted(text for text in strings if re.fullmatch(r"[\w.-]+\.\w+", text))
    # Unlike a dump of the tree, source text made from it is the same in all versions of Python.
    text = ast.unparse(_OnlyWhatCounts().visit(tree))
    return Content(hashlib.sha256(text.encode()).hexdigest()[:16], imports, names)


def _imports(tree: ast.Module, file: Path) -> Iterator[str]:
    """Yield the modules, and names in modules, that import statements name; refuse what hides its name."""
    named = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                raise PodiumError("a relative import hides what a script depends on", file=file, mend="import podium.…")
            # `from podium.data import masks` names a module, `from podium.data.masks import encode` does not.
            yield from [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Call) and _is_dynamic(node.func):
            # With its name in plain sight it is an import like any other.
            if isinstance(first := next(iter(node.args), None), ast.Constant) and _name(node.func) == "import_module":
                named.add(node.func)
                yield str(first.value)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith(f"{PACKAGE}."):
            yield node.value  # `python -m podium.…`
    for node in ast.walk(tree):
        if _is_dynamic(node) and node not in named:
            raise PodiumError(
                "code that is named only when it runs hides what a script depends on",
                file=file,
                record=f"line {node.lineno}, {_name(node)}",
                mend="import it by an import statement; one inside of a function will do",
            )


def _name(node: ast.AST) -> str:
    return next((getattr(node, key) for key in ("id", "attr", "name") if hasattr(node, key)), "")


def _is_dynamic(node: ast.AST) -> bool:
    if isinstance(node, ast.alias):
        return node.name in _DYNAMIC and node.asname is not None
    if isinstance(node, ast.Name):
        return node.id in _DYNAMIC | _DYNAMIC_NAMES
    return isinstance(node, ast.Attribute) and node.attr in _DYNAMIC


class _OnlyWhatCounts(ast.NodeTransformer):
    """Takes docstrings and the descriptions of fields out of a tree, and the words out of its log lines.

    What a log line computes stays.
    """

    def _without_docstring(self, node):
        if ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or [ast.Pass()]
        return self.generic_visit(node)

    visit_Module = visit_ClassDef = visit_FunctionDef = visit_AsyncFunctionDef = _without_docstring

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if _name(node.func) == "Field":
            described = {each for each in node.keywords if each.arg == "description" and any(_words(each.value))}
            node.keywords = [each for each in node.keywords if each not in described]
        return self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        called = node.value.func if isinstance(node.value, ast.Call) else None
        if isinstance(called, ast.Attribute) and called.attr in _LEVELS and _name(called.value) in ("log", "logging"):
            for text in (each for argument in node.value.args for each in _words(argument)):
                text.value = ""
        return self.generic_visit(node)


def _words(argument: ast.expr) -> Iterator[ast.Constant]:
    """Yield the texts of an argument where it is nothing but text; formats of numbers are texts, too."""
    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
        yield argument
    elif isinstance(argument, ast.JoinedStr):
        yield from (part for part in argument.values if isinstance(part, ast.Constant))


# Reading all of the project's trees takes a second, for which no plan should wait twice.
_MOST_KEPT = 2000
_unsaved: set[str] = set()


def _store() -> Path:
    return ROOT / PACKAGE / "__pycache__" / "fingerprints.json"


@cache
def _version() -> str:
    return hashlib.sha256(Path(__file__).read_bytes()).hexdigest()


@cache
def _known() -> dict[str, Content]:
    """Return what is known of files by the digest of their content, as this version of this file reads them."""
    try:
        kept = json.loads(_store().read_text(encoding="utf-8"))
        return kept["files"] if kept["by"] == _version() else {}
    except (OSError, ValueError, TypeError, LookupError):
        return {}


def _remember() -> None:
    """Keep what was read of files; where that cannot be written it is done without."""
    if not _unsaved:
        return
    known = _known()
    files = known if len(known) <= _MOST_KEPT else {key: known[key] for key in _unsaved}
    part = _store().with_suffix(f".{os.getpid()}")
    try:
        part.parent.mkdir(exist_ok=True)
        part.write_text(json.dumps({"by": _version(), "files": files}), encoding="utf-8")
        part.replace(_store())
    except OSError:
        return
    _unsaved.clear()


def forget() -> None:
    """Look at all files anew."""
    for function in (fingerprint, modules, environment, _release, _files, _modules_of, _files_of, _data_files):
        function.cache_clear()
    for function in (_read, _known):
        function.cache_clear()
    _unsaved.clear()
