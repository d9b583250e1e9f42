"""The login that the `kaggle` command will use: which kind it is, and what of it must never be shown.

The command looks for a token, then for a name with a key, then for what `kaggle auth login` left; so does this, without
asking the network.
"""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from podium.errors import PodiumError

_MEND = "run `kaggle auth login`, or set KAGGLE_API_TOKEN to a token from https://www.kaggle.com/settings/api"


def require_login() -> str:
    """Return which login the `kaggle` command will use, in words and without its content.

    Raises
    ------
    PodiumError
        Where there is none: the command would fail.
    """
    for kind, _ in _logins():
        return kind
    found = _key_file()
    half = f" ({found} has no username and key)" if found.exists() else ""
    raise PodiumError(
        "there is no login to Kaggle: no token in KAGGLE_API_TOKEN or ~/.kaggle/access_token, no key in kaggle.json"
        f"{half} or in KAGGLE_USERNAME and KAGGLE_KEY, and no ~/.kaggle/credentials.json of `kaggle auth login`",
        mend=_MEND,
    )


def hide_secrets(text: str) -> str:
    """Return a text with every token and key of this machine's logins replaced by ***."""
    for _, secrets in _logins():
        for secret in secrets:
            if secret:
                text = text.replace(secret, "***")
    return text


def _logins() -> Iterator[tuple[str, list[str]]]:
    """Yield each login that is there, in the command's order: its kind in words, and its secrets."""
    home = Path.home() / ".kaggle"
    token = os.environ.get("KAGGLE_API_TOKEN", "")
    if token and Path(token).is_file():
        if said := _text(Path(token)):
            yield "the token in the file that KAGGLE_API_TOKEN names", [said]
    elif token:
        yield "the token in KAGGLE_API_TOKEN", [token]
    for name in ("access_token", "access_token.txt"):
        if said := _text(home / name):
            yield f"the token in ~/.kaggle/{name}", [said]
    key = _mapping(_key_file())
    named = {name: os.environ.get(f"KAGGLE_{name.upper()}", key.get(name)) for name in ("username", "key")}
    if all(value is not None for value in named.values()):
        given = "KAGGLE_KEY" in os.environ
        yield ("the key in KAGGLE_KEY" if given else f"the key in {_key_file().name}"), [str(named["key"])]
    oauth = _mapping(home / "credentials.json")
    if oauth.get("refresh_token"):
        secrets = [str(oauth["refresh_token"]), str(oauth.get("access_token") or "")]
        yield "the login in ~/.kaggle/credentials.json", secrets


def _key_file() -> Path:
    """Return where the command looks for kaggle.json."""
    if folder := os.environ.get("KAGGLE_CONFIG_DIR"):
        return Path(folder, "kaggle.json")
    home = Path.home() / ".kaggle"
    if sys.platform.startswith("linux") and not home.exists():
        home = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config", "kaggle")
    return home / "kaggle.json"


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _mapping(path: Path) -> dict:
    """Return a JSON file's mapping; the command takes one that it cannot read for one that is not there."""
    try:
        found = json.loads(_text(path) or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
