"""Make the fixture of this folder: a Mask R-CNN trained by Detectron2, and what Detectron2 finds with it.

    OMP_NUM_THREADS=1 python tests/models/zoo_fixture/make.py

It takes Detectron2, built beside the project or from conda-forge, and about ten minutes of one processor; weights that
are there already are not trained again. Written are

model.pkl       the weights as in Detectron2's model zoo: a pickle of {"model": {name: array}, "__author__": ...};
                float16, to which they are rounded before anything is expected of them
<image>.png     drawn scenes that the training did not see, cut to odd sizes
expected.json   versions, how well other unseen scenes are solved, and for each image the boxes (xyxy in the image's own
                pixels), scores, classes (from 0) and masks (COCO's compressed RLE)

What is committed was made with Detectron2's repository as of June 2026, which still calls itself 0.6. The network is a
ResNet18 cut after res3, with a narrow pyramid of two levels, so that the file is small. It is trained and not random,
because random networks amplify the noise of rounding until nothing can be compared.
"""

import json
import pickle
from pathlib import Path

import detectron2
import numpy as np
import PIL
import torch
import torchvision
from detectron2.checkpoint import DetectionCheckpointer
from detectron2.config import CfgNode, get_cfg
from detectron2.data.transforms import ResizeShortestEdge
from detectron2.layers import ShapeSpec
from detectron2.modeling import GeneralizedRCNN, build_proposal_generator, build_resnet_backbone, build_roi_heads
from detectron2.modeling.backbone.fpn import FPN
from detectron2.structures import BitMasks, Instances
from detectron2.utils.events import EventStorage
from PIL import Image
from pycocotools import mask as coco_mask
from torch import nn

from podium.data.generated.competition import scene_at
from podium.evaluation.coco import average_precision

HERE = Path(__file__).parent
SEED, SIZE, SCENES = 11, 192, 240
ITERATIONS, BATCH, RATE = 700, 4, 0.002
# Place of a scene after those of the training; rows and columns of it that are cut out.
IMAGES = {
    "narrow": (7, slice(0, 187), slice(20, 151)),
    "wide": (3, slice(31, 180), slice(1, 254)),
    "small": (4, slice(40, 141), slice(35, 152)),
    "tall": (8, slice(0, 251), slice(3, 176)),
    "square": (6, slice(5, 178), slice(11, 184)),
}


def config(norm: str) -> CfgNode:
    """Return Detectron2's configuration of the model."""
    cfg = get_cfg()
    cfg.MODEL.DEVICE = "cpu"
    cfg.MODEL.MASK_ON = True
    cfg.MODEL.PIXEL_STD = [57.375, 57.120, 58.395]
    cfg.MODEL.BACKBONE.FREEZE_AT = 0
    cfg.MODEL.RESNETS.DEPTH = 18
    cfg.MODEL.RESNETS.RES2_OUT_CHANNELS = 64
    cfg.MODEL.RESNETS.STRIDE_IN_1X1 = False
    cfg.MODEL.RESNETS.NORM = norm
    cfg.MODEL.RESNETS.OUT_FEATURES = ["res2", "res3"]
    cfg.MODEL.FPN.IN_FEATURES = ["res2", "res3"]
    cfg.MODEL.FPN.OUT_CHANNELS = 24
    cfg.MODEL.ANCHOR_GENERATOR.SIZES = [[32], [64]]
    cfg.MODEL.ANCHOR_GENERATOR.ASPECT_RATIOS = [[0.5, 1.0, 2.0]]
    cfg.MODEL.RPN.IN_FEATURES = ["p2", "p3"]
    cfg.MODEL.RPN.BATCH_SIZE_PER_IMAGE = 128
    cfg.MODEL.RPN.PRE_NMS_TOPK_TRAIN, cfg.MODEL.RPN.POST_NMS_TOPK_TRAIN = 400, 150
    cfg.MODEL.RPN.PRE_NMS_TOPK_TEST, cfg.MODEL.RPN.POST_NMS_TOPK_TEST = 150, 150
    cfg.MODEL.ROI_HEADS.NAME = "StandardROIHeads"
    cfg.MODEL.ROI_HEADS.IN_FEATURES = ["p2", "p3"]
    cfg.MODEL.ROI_HEADS.NUM_CLASSES = 1
    cfg.MODEL.ROI_HEADS.BATCH_SIZE_PER_IMAGE = 96
    cfg.MODEL.ROI_BOX_HEAD.NAME = "FastRCNNConvFCHead"
    cfg.MODEL.ROI_BOX_HEAD.NUM_FC, cfg.MODEL.ROI_BOX_HEAD.FC_DIM = 2, 48
    cfg.MODEL.ROI_BOX_HEAD.POOLER_RESOLUTION = 7
    cfg.MODEL.ROI_MASK_HEAD.NAME = "MaskRCNNConvUpsampleHead"
    cfg.MODEL.ROI_MASK_HEAD.NUM_CONV, cfg.MODEL.ROI_MASK_HEAD.CONV_DIM = 4, 24
    cfg.INPUT.MIN_SIZE_TEST, cfg.INPUT.MAX_SIZE_TEST = 208, 320
    return cfg


class Pyramid(FPN):
    """Detectron2's, but images are padded to multiples of 32 as if the network had all of its stages."""

    size_divisibility = 32


def build(cfg: CfgNode) -> GeneralizedRCNN:
    """Return Detectron2's model; its own builder of the pyramid always adds p6, made of a p5 that is not there."""
    shape = ShapeSpec(channels=3)
    backbone = Pyramid(build_resnet_backbone(cfg, shape), cfg.MODEL.FPN.IN_FEATURES, cfg.MODEL.FPN.OUT_CHANNELS)
    return GeneralizedRCNN(
        backbone=backbone,
        proposal_generator=build_proposal_generator(cfg, backbone.output_shape()),
        roi_heads=build_roi_heads(cfg, backbone.output_shape()),
        pixel_mean=cfg.MODEL.PIXEL_MEAN,
        pixel_std=cfg.MODEL.PIXEL_STD,
        input_format=cfg.INPUT.FORMAT,
    )


def sample(rng: np.random.Generator, scenes: list) -> dict:
    """Return a scene as Detectron2's model takes it, turned and mirrored at random."""
    scene = scenes[rng.integers(len(scenes))]
    turns, mirror = rng.integers(4), rng.integers(2)
    height, width = scene.image.shape[:2]
    masks = np.array(scene.masks).reshape(-1, height, width)
    image, masks = np.rot90(scene.image, turns), np.rot90(masks, turns, axes=(1, 2))
    if mirror:
        image, masks = image[:, ::-1], masks[:, :, ::-1]
    objects = Instances(image.shape[:2])
    objects.gt_masks = BitMasks(torch.from_numpy(masks.copy()))
    objects.gt_boxes = objects.gt_masks.get_bounding_boxes()
    objects.gt_classes = torch.zeros(len(masks), dtype=torch.int64)
    return {"image": planes(image), "instances": objects}


def planes(image: np.ndarray) -> torch.Tensor:
    """Return an RGB image (h, w, 3) as BGR planes (3, h, w)."""
    return torch.from_numpy(image[:, :, ::-1].transpose(2, 0, 1).copy())


def train() -> dict[str, np.ndarray]:
    """Return weights by Detectron2's names, float16, for a backbone with frozen batch norms."""
    torch.manual_seed(SEED)
    rng = np.random.default_rng(SEED)
    scenes = [scene_at(SEED, "train", place, SIZE) for place in range(SCENES)]
    model = build(config("BN")).train()
    optimiser = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=ITERATIONS)
    with EventStorage():
        for iteration in range(ITERATIONS):
            losses = model([sample(rng, scenes) for _ in range(BATCH)])
            optimiser.zero_grad()
            sum(losses.values()).backward()
            nn.utils.clip_grad_norm_(model.parameters(), 10.0)
            optimiser.step()
            schedule.step()
            if iteration % 20 == 0:
                print(iteration, {name: round(value.item(), 3) for name, value in losses.items()}, flush=True)
    for layer in model.modules():  # statistics of the weights as they are now: means over batches, not moving ones
        if isinstance(layer, nn.BatchNorm2d):
            layer.reset_running_stats()
            layer.momentum = None
    with torch.no_grad():
        for _ in range(50):
            model.backbone(model.preprocess_image([sample(rng, scenes) for _ in range(BATCH)]).tensor)
    state = {name: value for name, value in model.state_dict().items() if not name.endswith("num_batches_tracked")}
    return {name: value.numpy().astype(np.float16) for name, value in state.items()}


@torch.no_grad()
def found(model: GeneralizedRCNN, cfg: CfgNode, image: np.ndarray) -> Instances:
    """Return what Detectron2's own inference finds in an RGB image, in the image's own pixels."""
    height, width = image.shape[:2]
    resize = ResizeShortestEdge([cfg.INPUT.MIN_SIZE_TEST] * 2, cfg.INPUT.MAX_SIZE_TEST)
    resized = resize.get_transform(image).apply_image(image)
    (result,) = model.inference([{"image": planes(resized), "height": height, "width": width}])
    return result["instances"]


def ap50(model: GeneralizedRCNN, cfg: CfgNode) -> dict[str, float]:
    """Return AP at IoU 0.5 of boxes and masks on scenes that are neither trained on nor in this folder."""
    images, truth, results = [], [], []
    for place in range(10, 50):
        scene = scene_at(SEED, "test", place, SIZE)
        height, width = scene.image.shape[:2]
        images.append({"id": place, "file_name": f"{place}.png", "height": height, "width": width})
        for mask in scene.masks:
            x, y, w, h = coco_mask.toBbox(encode(mask)).tolist()
            entry = {"id": len(truth) + 1, "image_id": place, "category_id": 1, "iscrowd": 0, "area": int(mask.sum())}
            truth.append(entry | {"bbox": [x, y, w, h], "segmentation": encode(mask)})
        result = found(model, cfg, scene.image)
        for box, score, mask in zip(result.pred_boxes, result.scores.tolist(), result.pred_masks.numpy(), strict=True):
            x0, y0, x1, y1 = box.tolist()
            entry = {"image_id": place, "category_id": 1, "bbox": [x0, y0, x1 - x0, y1 - y0], "score": score}
            results.append(entry | {"segmentation": encode(mask)})
    dataset = {"images": images, "annotations": truth, "categories": [{"id": 1, "name": "plane"}]}
    ids = [image["id"] for image in images]
    kinds = {"boxes": "bbox", "masks": "segm"}
    return {name: average_precision(dataset, ids, results, kind)[0]["AP50"] for name, kind in kinds.items()}


def encode(mask: np.ndarray) -> dict:
    """Return COCO's compressed RLE of a mask (h, w)."""
    code = coco_mask.encode(np.asfortranarray(mask, np.uint8))
    return {"size": code["size"], "counts": code["counts"].decode()}


def main() -> None:
    file = HERE / "model.pkl"
    if not file.exists():
        weights = {"model": train(), "__author__": "tests/models/zoo_fixture/make.py of podium"}
        file.write_bytes(pickle.dumps(weights, protocol=3))  # protocol 2 takes half as much again
    cfg = config("FrozenBN")
    model = build(cfg).eval()
    DetectionCheckpointer(model).load(str(file))
    images = {}
    for name, (place, rows, columns) in IMAGES.items():
        image = scene_at(SEED, "test", place, SIZE).image[rows, columns]
        Image.fromarray(image).save(HERE / f"{name}.png", optimize=True)
        result = found(model, cfg, image)
        images[name] = {
            "boxes": result.pred_boxes.tensor.tolist(),
            "scores": result.scores.tolist(),
            "classes": result.pred_classes.tolist(),
            "masks": [encode(mask) for mask in result.pred_masks.numpy()],
        }
        print(name, image.shape, [round(score, 3) for score in images[name]["scores"]])
    expected = {
        "versions": {library.__name__: library.__version__ for library in (detectron2, torch, torchvision, PIL)},
        "ap50": ap50(model, cfg),
        "images": images,
    }
    print(expected["ap50"])
    (HERE / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    main()
