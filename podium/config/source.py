"""Where a competition's archive comes from."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from podium.config.section import Section

# A competition's short name, the last part of its address. It reaches a command line: no leading dash.
KAGGLE_NAME = r"^[a-z0-9][a-z0-9-]*$"
# A relative path of names of which none begins with a dot: it stays below its folder.
_PART = r"[^/\\.\x00-\x1f][^/\\\x00-\x1f]*"
KaggleFile = Annotated[str, StringConstraints(pattern=rf"^{_PART}(/{_PART})*$")]


class GeneratedSource(Section):
    """A competition drawn by the project itself: aerial scenes with aircraft, no account and no download."""

    kind: Literal["generated"] = Field(description="the scenes are drawn here")
    seed: int = Field(0, ge=0, description="seed of the drawing; another seed gives another competition")
    train_images: int = Field(200, ge=3, description="scenes with truth")
    test_images: int = Field(40, ge=1, description="scenes whose truth goes into the hidden solution")
    size: int = Field(192, ge=96, le=4096, description="shorter side of a scene, in pixels")


class LocalSource(Section):
    """An archive or a folder that is already on this machine."""

    kind: Literal["local"] = Field(description="a path on this machine")
    path: str = Field(
        description="a .zip archive or a folder, relative to the working directory. If you put the archive at "
        "data/<name>/archive.zip yourself, write that path here"
    )


class KaggleSource(Section):
    """A competition of Kaggle, downloaded by the official command line."""

    kind: Literal["kaggle"] = Field(description="downloaded by `kaggle competitions download`")
    competition: str = Field(
        pattern=KAGGLE_NAME, description="the competition's short name: the last part of its address"
    )
    files: tuple[KaggleFile, ...] = Field(
        (),
        description="names of single files, as `kaggle competitions files` lists them, that are downloaded in place of "
        "the whole archive and packed as one; none: the whole archive",
    )
    timeout: int = Field(
        7200, gt=0, description="seconds after which a download is given up; the next run continues it"
    )


Source = Annotated[GeneratedSource | LocalSource | KaggleSource, Field(discriminator="kind")]
