"""A competition's list of its files, and what of it an archive lacks."""

import csv
import re
import zipfile
from itertools import dropwhile
from pathlib import Path

from podium.errors import PodiumError
from podium.kaggle_command import ask_kaggle
from podium.kaggle_faults import quoted

# The command's largest page, and how many are asked for: lists of single images are long, a page takes two seconds.
PAGE, PAGES = 200, 50


def list_files(competition: str, *, timeout: float) -> tuple[dict[str, int], bool]:
    """Return the sizes in bytes of a competition's files by name, and whether these are all of them.

    The list is read to `PAGE * PAGES` files. `timeout` is for each page, in seconds; errors as in
    `podium.kaggle_command.ask_kaggle`.
    """
    sizes, token = {}, None
    for _ in range(PAGES):
        onward = [f"--page-token={token}"] if token else []
        command = ["competitions", "files", "-v", f"--page-size={PAGE}", *onward, competition]
        output = ask_kaggle(command, competition, timeout=timeout)
        lines = dropwhile(lambda line: not line.startswith("name,size"), output.splitlines(keepends=True))
        rows = csv.DictReader(lines)
        if not rows.fieldnames and "No files found" not in output:
            raise PodiumError(
                f"the kaggle command did not list the files but said {quoted(output)}",
                mend=f"run `kaggle competitions files -v {competition}` and see, or put the archive at its place",
            )
        sizes |= {row["name"]: int(row["size"]) for row in rows}
        found = re.search(r"^Next Page Token = (\S+)\s*$", output, re.MULTILINE)
        if not found:
            return sizes, True
        token = found[1]
    return sizes, False


def differences(archive: str | Path, sizes: dict[str, int], *, complete: bool) -> list[str]:
    """Return, in words, what an archive holds otherwise than the list says; a whole archive of a whole list: nothing.

    A listed file may have come compressed, as its name with `.zip`; its size is then not compared.
    """
    with zipfile.ZipFile(archive) as opened:
        held = {member.filename: member.file_size for member in opened.infolist() if not member.is_dir()}
    found, problems = set(), []
    for name, size in sizes.items():
        place = name if name in held else f"{name}.zip"
        found.add(place)
        if place not in held:
            problems.append(f"{name} is missing")
        elif place == name and held[name] != size:
            problems.append(f"{name} has {held[name]:,} bytes and should have {size:,}")
    if complete:
        problems += [f"{name} is not listed" for name in held if name not in found]
    return problems
