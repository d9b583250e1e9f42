"""What a script's result depends on in this project's own code.

A fingerprint covers a script, every module of `podium` that it imports, directly or not, and the data files beside
those modules that they name. It is made of syntax trees: comments, docstrings and formatting do not count. Nothing is
imported, so that planning a workflow stays fast.
"""

import ast
import hashlib
from functools import cache
from pathlib import Path

from podium.errors import PodiumError

ROOT = Path(__file__).parents[2]
PACKAGE = "podium"


@cache
def fingerprint(script: str) -> str:
    """Return a digest (16 hexadecimal digits) of a script, given relative to the project's root, and its imports."""
    files, queue = {ROOT / script}, [ROOT / script]
    while queue:
        for module in _imports(queue.pop()):
            for file in _files_of(module):
                if file not in files:
                    files.add(file)
                    if file.suffix == ".py":
                        queue.append(file)
    digest = hashlib.sha256()
    for file in sorted(files):
        digest.update(file.relative_to(ROOT).as_posix().encode() + b"\0" + _content(file) + b"\0")
    return digest.hexdigest()[:16]


@cache
def _imports(file: Path) -> frozenset[str]:
    """List the modules of the package that a file names in its import statements, and their parent packages."""
    names = set()
    for node in ast.walk(_tree(file)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                raise PodiumError("a relative import hides what a script depends on", file=file, mend="import podium.…")
            # `from podium.data import masks` names a module, `from podium.data.masks import encode` does not.
            names.update([node.module, *(f"{node.module}.{alias.name}" for alias in node.names)])
    own = {name for name in names if name == PACKAGE or name.startswith(f"{PACKAGE}.")}
    return frozenset(
        ".".join(parts[:end]) for parts in (name.split(".") for name in own) for end in range(1, len(parts) + 1)
    )


def _files_of(module: str) -> list[Path]:
    """Return a module's file and the files beside it that are named in it; nothing for other names."""
    path = ROOT.joinpath(*module.split("."))
    for file in (path.with_suffix(".py"), path / "__init__.py"):
        if file.is_file():
            texts = {node.value for node in ast.walk(_tree(file)) if isinstance(node, ast.Constant)}
            beside = (other for other in file.parent.iterdir() if other.suffix not in ("", ".py"))
            return [file, *(other for other in beside if other.name in texts)]
    return []


@cache
def _tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"), filename=str(file))


@cache
def _content(file: Path) -> bytes:
    if file.suffix != ".py":
        return file.read_bytes()
    tree = _tree(file)
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) and ast.get_docstring(
            node, clean=False
        ):
            node.body = node.body[1:] or [ast.Pass()]
    # Unlike a dump of the tree, source text made from it is the same in all versions of Python.
    return ast.unparse(tree).encode()
