"""Archives that are damaged or hostile, each refused with its reason and without a trace on disk."""

import hashlib
import io
import os
import stat
import struct
import zipfile

import pytest

from podium.data.archives import extract, pack, test_archive
from podium.errors import PodiumError


def zipped(path, members, **options):
    """Write members {name: bytes}; a name may come twice as a list of pairs, a ZipInfo may stand for a name."""
    with zipfile.ZipFile(path, "w", **options) as archive:
        for name, content in members.items() if isinstance(members, dict) else members:
            archive.writestr(name, content)
    return path


def in_memory(members):
    buffer = io.BytesIO()
    zipped(buffer, members)
    return buffer.getvalue()


def special(name, mode):
    member = zipfile.ZipInfo(name)
    member.create_system, member.external_attr = 3, mode << 16
    return member


def tree(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def refused(archive, folder, problem, **limits):
    with pytest.raises(PodiumError, match=problem) as error:
        extract(archive, folder, **limits)
    assert [path for path in folder.parent.iterdir() if path != archive] == []
    return error.value


def test_files_folders_and_archives_in_the_archive_come_out_as_they_went_in(tmp_path):
    inner = in_memory({"a/images/a.png": b"picture", "deeper.zip": in_memory({"x": b"x"})})
    archive = zipped(
        tmp_path / "c.zip", {"stage1_train.zip": inner, "labels.csv": b"id\n", "empty/": b"", "ü/ß.txt": b"s"}
    )
    test_archive(archive)
    extract(archive, tmp_path / "out")
    found = tree(tmp_path / "out")
    assert found.pop("stage1_train/deeper.zip")[:2] == b"PK"  # One level only.
    assert found == {"stage1_train/a/images/a.png": b"picture", "labels.csv": b"id\n", "ü/ß.txt": b"s"}
    assert (tmp_path / "out" / "empty").is_dir()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c.zip", "out"]


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("/etc/cron.d/x", "absolute"),
        ("../x", r"`\.\.`"),
        ("a/../../x", r"`\.\.`"),
        ("a\\..\\x", "backslash"),
        ("C:/x", "drive letter"),
        ("C:x", "drive letter"),
        ("a//x", "empty part"),
        ("./x", "empty part"),
        ("a\nx", "control character"),
        ("a" * 300, "240 bytes"),
        ("a/" * 1500 + "x", "2000 in all"),
    ],
)
def test_names_that_lead_elsewhere(tmp_path, name, problem):
    archive = zipped(tmp_path / "c.zip", {"good.txt": b"good", name: b"bad"})
    assert "a member's path has" in refused(archive, tmp_path / "out", problem).problem
    nested = zipped(tmp_path / "c.zip", {"train.zip": in_memory({name: b"bad"})})
    assert refused(nested, tmp_path / "out", problem).record.startswith("train: ")


def test_a_name_cut_by_a_nul(tmp_path):
    archive = zipped(tmp_path / "c.zip", {"good.txtXevil": b"x"})
    archive.write_bytes(archive.read_bytes().replace(b"good.txtXevil", b"good.txt\0evil"))
    refused(archive, tmp_path / "out", "control character")


@pytest.mark.parametrize(
    ("mode", "problem"),
    [
        (stat.S_IFLNK | 0o777, "symbolic link"),
        (stat.S_IFIFO, "neither"),
        (stat.S_IFCHR, "neither"),
        (stat.S_IFSOCK, "neither"),
    ],
)
def test_links_and_devices(tmp_path, mode, problem):
    archive = zipped(tmp_path / "c.zip", {special("x", mode): b"/etc/passwd", "y": b""})
    assert refused(archive, tmp_path / "out", problem).record == "x"
    with pytest.raises(PodiumError, match=problem):
        test_archive(archive)


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    ("members", "problem"),
    [
        ([("x", b"1"), ("x", b"2")], "twice"),
        ([("x", b"1"), ("x/y", b"2")], "as a file and as a folder"),
        ([("x/", b""), ("x", b"2")], "as a file and as a folder"),
        ([("x.zip", in_memory({"y": b""})), ("x/y", b"2")], "as a file and as a folder"),
        ([("x.zip", in_memory({"y": b""})), ("x.ZIP", in_memory({"y": b""}))], "twice"),
    ],
)
def test_names_that_collide(tmp_path, members, problem):
    refused(zipped(tmp_path / "c.zip", members), tmp_path / "out", problem)


def test_bombs_by_ratio_bytes_and_files(tmp_path):
    zeros = zipped(tmp_path / "c.zip", {"zeros": bytes(20 << 20)}, compression=zipfile.ZIP_DEFLATED)
    refused(zeros, tmp_path / "out", "250 times")
    with pytest.raises(PodiumError, match="250 times"):
        test_archive(zeros)
    extract(zeros, tmp_path / "out", max_ratio=2000)
    assert (tmp_path / "out" / "zeros").stat().st_size == 20 << 20
    (tmp_path / "out" / "zeros").unlink()
    (tmp_path / "out").rmdir()

    inner = io.BytesIO()
    zipped(inner, {"zeros": bytes(20 << 20)}, compression=zipfile.ZIP_DEFLATED)
    refused(zipped(tmp_path / "c.zip", {"a.zip": inner.getvalue()}), tmp_path / "out", "250 times")

    many = zipped(tmp_path / "c.zip", {f"{number}": b"12345" for number in range(10)})
    refused(many, tmp_path / "out", "more than 49 bytes", max_bytes=49)
    refused(many, tmp_path / "out", "more than 9 files", max_files=9)
    extract(many, tmp_path / "out", max_bytes=50, max_files=10)
    assert len(tree(tmp_path / "out")) == 10


def test_a_header_that_lies_about_the_size(tmp_path):
    archive = zipped(tmp_path / "c.zip", {"x": bytes(1 << 20)}, compression=zipfile.ZIP_DEFLATED)
    content = archive.read_bytes()
    archive.write_bytes(content.replace(struct.pack("<L", 1 << 20), struct.pack("<L", 10)))
    refused(archive, tmp_path / "out", "cut off or damaged")
    archive.write_bytes(content.replace(struct.pack("<L", 1 << 20), struct.pack("<L", 2**31)))
    refused(archive, tmp_path / "out", "cut off or damaged|the disk has")


def test_encrypted_and_uncommon_methods(tmp_path):
    archive = zipped(tmp_path / "c.zip", {"x": b"secret"})
    content = bytearray(archive.read_bytes())
    for signature, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        content[content.index(signature) + offset] |= 1
    archive.write_bytes(content)
    assert "without a password" in str(refused(archive, tmp_path / "out", "encrypted"))
    # Python unpacks a block of these as a whole: half a kilobyte can take all memory.
    refused(zipped(tmp_path / "c.zip", {"x": b"x" * 99}, compression=zipfile.ZIP_BZIP2), tmp_path / "out", "method 12")
    refused(zipped(tmp_path / "c.zip", {"x": b"x" * 99}, compression=zipfile.ZIP_LZMA), tmp_path / "out", "method 14")


def test_damaged_archives(tmp_path):
    whole = in_memory({"a.bin": os.urandom(5000), "b.bin": os.urandom(5000)})
    archive = tmp_path / "c.zip"
    flipped = bytearray(whole)
    flipped[2000] ^= 1
    for content, problem in [
        (whole[:-1000], "cut off"),
        (whole[:3000], "cut off"),
        (b"", "empty"),
        (b"<html>You must accept the rules</html>", "no zip archive"),
        (bytes(flipped), "CRC"),
    ]:
        archive.write_bytes(content)
        with pytest.raises(PodiumError, match=problem) as error:
            test_archive(archive)
        assert error.value.file == archive
        refused(archive, tmp_path / "out", problem)
    archive.unlink()
    with pytest.raises(PodiumError, match="missing"):
        test_archive(archive)
    inner = zipped(archive, {"train.zip": whole[:-1000]})
    assert refused(inner, tmp_path / "out", "cut off").record == "train"


def test_every_truncation_of_an_archive_is_noticed(tmp_path):
    whole = in_memory({"a.txt": b"hello", "b/c.txt": b"world"})
    archive = tmp_path / "c.zip"
    for length in range(len(whole)):
        archive.write_bytes(whole[:length])
        with pytest.raises(PodiumError):
            test_archive(archive)


def test_a_folder_with_files_is_not_overwritten_and_leftovers_are_cleared(tmp_path):
    archive = zipped(tmp_path / "c.zip", {"x": b"new"})
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_bytes(b"mine")
    with pytest.raises(PodiumError, match="not empty"):
        extract(archive, tmp_path / "out")
    assert tree(tmp_path / "out") == {"mine": b"mine"}
    (tmp_path / ".fresh.part").mkdir()  # As a killed run leaves it.
    (tmp_path / ".fresh.part" / "half").write_bytes(b"half")
    extract(archive, tmp_path / "fresh")
    assert tree(tmp_path / "fresh") == {"x": b"new"}
    assert not (tmp_path / ".fresh.part").exists()


def test_pack_depends_on_names_and_contents_only(tmp_path):
    digests = set()
    for name, order in (("one", "ab"), ("two", "ba")):
        folder = tmp_path / name
        (folder / "sub").mkdir(parents=True)
        for letter in order:
            (folder / "sub" / f"{letter}.txt").write_bytes(letter.encode())
        os.utime(folder / "sub" / "a.txt", (1, len(digests)))
        (folder / "sub" / "a.txt").chmod(0o600 if digests else 0o755)
        pack(folder, tmp_path / f"{name}.zip")
        digests.add(hashlib.sha256((tmp_path / f"{name}.zip").read_bytes()).hexdigest())
    assert len(digests) == 1
    extract(tmp_path / "one.zip", tmp_path / "out")
    assert tree(tmp_path / "out") == tree(tmp_path / "one")


def test_pack_refuses_links_and_nothing(tmp_path):
    (tmp_path / "f").mkdir()
    with pytest.raises(PodiumError, match="no files"):
        pack(tmp_path / "f", tmp_path / "f.zip")
    (tmp_path / "f" / "x").write_bytes(b"x")
    for target in ("/etc", "/etc/passwd", "/nowhere"):
        (tmp_path / "f" / "link").symlink_to(target)
        with pytest.raises(PodiumError, match="links are not followed"):
            pack(tmp_path / "f", tmp_path / "f.zip")
        (tmp_path / "f" / "link").unlink()
    assert not (tmp_path / "f.zip").exists()
