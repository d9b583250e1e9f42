import subprocess
import sys

import pytest

from podium.errors import PodiumError
from podium.locks import alone


def test_a_lock_lasts_as_long_as_a_process_that_inherited_it(tmp_path):
    """As where a process is killed, and the command that it started goes on."""
    with alone(tmp_path / "lock", "upload", patience=0) as lock:
        child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=[lock])
    with pytest.raises(PodiumError, match="another upload"), alone(tmp_path / "lock", "upload", patience=0):
        pass
    child.communicate(b"\n")
    with alone(tmp_path / "lock", "upload", patience=0):
        pass


def test_a_file_that_a_crash_left_is_no_lock(tmp_path):
    (tmp_path / "lock").write_text("")
    with alone(tmp_path / "lock", "upload", patience=0):
        pass
