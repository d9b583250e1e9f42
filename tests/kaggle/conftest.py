"""The server, and the command that talks to it.

PODIUM_KAGGLE_COMMANDS lists further `kaggle` executables (separated as PATH is): each test then runs with each, too.
"""

import os
from pathlib import Path

import pytest

from tests.kaggle.server import KaggleServer

COMMANDS = [None, *filter(None, os.environ.get("PODIUM_KAGGLE_COMMANDS", "").split(os.pathsep))]
LOGINS = ["KAGGLE_API_TOKEN", "KAGGLE_USERNAME", "KAGGLE_KEY", "KAGGLE_CONFIG_DIR", "XDG_CONFIG_HOME"]
PROXIES = ["KAGGLE_PROXY", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]


@pytest.fixture(params=COMMANDS, ids=lambda command: f"kaggle{COMMANDS.index(command)}" if command else "kaggle")
def command(request, tmp_path, monkeypatch):
    """Let `kaggle` be one of the executables; None is the installed one."""
    if request.param:
        folder = tmp_path / "bin"
        folder.mkdir()
        (folder / "kaggle").symlink_to(Path(request.param).resolve())
        monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home without a login."""
    for name in (*LOGINS, *PROXIES):
        monkeypatch.delenv(name, raising=False)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    return home


@pytest.fixture
def server(command, home, monkeypatch):
    with KaggleServer() as server:
        for name, value in server.environment(home).items():
            monkeypatch.setenv(name, value)
        yield server
