"""How the files inside a competition's archive are laid out."""

from typing import Annotated, Literal

from pydantic import Field

from podium.config.section import Section


class Layout(Section):
    sample_submission: str | None = Field(
        None, description="path of sample_submission.csv in the archive; null where the competition has none"
    )


class CocoLayout(Layout):
    """COCO instances: a JSON file and a folder of images."""

    kind: Literal["coco"] = Field(description="COCO instances JSON beside folders of images")
    annotations: str = Field("train.json", description="path of the instances JSON of the training images")
    train_images: str = Field("train", description="folder of the training images")
    test_images: str | None = Field("test", description="folder of the test images; null where there are none")


class Dsb2018Layout(Layout):
    """Data Science Bowl 2018: a folder for each image, a PNG mask for each instance."""

    kind: Literal["dsb2018"] = Field(
        description="<ImageId>/images/*.png with one 0/255 mask per instance in <ImageId>/masks/*.png"
    )
    train: str = Field("stage1_train", description="folder of the training images")
    test: str | None = Field("stage1_test", description="folder of the test images; null where there are none")
    category: str = Field("nucleus", description="name of the only category")


class IsaidLayout(Layout):
    """A flat JSON list with one entry per object: file_name, image_id, bbox (xywh), segmentation, iscrowd."""

    kind: Literal["isaid"] = Field(description="one flat JSON list of objects beside folders of images")
    annotations: str = Field("train.json", description="path of the flat list")
    train_images: str = Field("train", description="folder of the training images")
    test_images: str | None = Field("test", description="folder of the test images; null where there are none")
    category: str = Field("plane", description="name of the only category")


AnyLayout = Annotated[CocoLayout | Dsb2018Layout | IsaidLayout, Field(discriminator="kind")]


class Checks(Section):
    """What happens to records that fail their checks. Nothing is ever dropped in silence: see quarantine.json."""

    images: Literal["quarantine", "fail"] = Field(
        "quarantine",
        description="images that cannot be decoded or have records that contradict them: leave out and list, or stop",
    )
    annotations: Literal["quarantine", "fail"] = Field(
        "quarantine",
        description="boxes of no area or outside the image, masks of another size, empty masks: leave out and list, "
        "or stop",
    )
    drop_categories: tuple[str, ...] = Field(
        (),
        description="categories that are left out of the dataset with all their annotations; their images stay. A "
        "detector that starts from weights with more categories keeps the rows of those that remain",
    )
