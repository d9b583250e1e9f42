"""A detector's configuration in Detectron2's keys."""

from podium.config.detection import DetectionInput, Detector
from podium.errors import PodiumError
from podium.models.rcnn.pixels import STATISTICS

_NORMS = {"frozen": "FrozenBN", "batch": "BN", "group": "GN"}

# Layers, groups and channels in each group of a residual network.
_BACKBONES = {
    "resnet18": (18, 1, 64),
    "resnet34": (34, 1, 64),
    "resnet50": (50, 1, 64),
    "resnet101": (101, 1, 64),
    "resnext50_32x4d": (50, 32, 4),
    "resnext101_32x8d": (101, 32, 8),
}


def detectron2_config(model: Detector, sizes: DetectionInput, num_classes: int) -> dict[str, object]:
    """Return what makes Detectron2 build this detector: the keys that can differ from its defaults, as nested dicts.

    All values are plain, and those that Detectron2 has as lists or tuples are lists, so that they can be written as
    YAML and merged into `detectron2.config.get_cfg()`. Where its weights are and on which device it runs is left to
    the caller. Names are those of detectron2/config/defaults.py.

    Raises
    ------
    PodiumError
        The levels end before 5: Detectron2's pyramid does not.
    """
    low, high = model.levels
    if high < 5:
        raise PodiumError(
            f"levels {list(model.levels)} cannot be had in Detectron2, whose pyramid goes to level 5 at least",
            key="model.levels",
            mend=f"set levels: [{low}, 5] and as many anchor_sizes, or keep the model to backend: torchvision",
        )
    stages = [f"res{level}" for level in range(low, 6)]
    depth, groups, width = _BACKBONES[model.backbone]
    order, mean, std = STATISTICS[model.pixels]
    # Level 6 is always made; where it is not named, nothing is found in it.
    in_heads = [f"p{level}" for level in range(low, 6)]
    in_proposals = [f"p{level}" for level in range(low, high + 1)]
    return {
        "VERSION": 2,
        "MODEL": {
            "META_ARCHITECTURE": "GeneralizedRCNN",
            "PIXEL_MEAN": list(mean),
            "PIXEL_STD": list(std),
            "MASK_ON": model.architecture == "mask_rcnn",
            "BACKBONE": {"NAME": "build_resnet_fpn_backbone", "FREEZE_AT": model.freeze_at},
            "RESNETS": {
                "DEPTH": depth,
                "NUM_GROUPS": groups,
                "WIDTH_PER_GROUP": width,
                "RES2_OUT_CHANNELS": 64 if depth < 50 else 256,
                "STRIDE_IN_1X1": model.stride_in_1x1,
                "NORM": _NORMS[model.norm],
                "OUT_FEATURES": stages,
            },
            "FPN": {"IN_FEATURES": [*stages], "OUT_CHANNELS": model.fpn_channels},
            "ANCHOR_GENERATOR": {
                "SIZES": [[float(size)] for size in model.anchor_sizes],
                "ASPECT_RATIOS": [[float(ratio) for ratio in model.aspect_ratios]],
            },
            "RPN": {
                "IN_FEATURES": in_proposals,
                "BATCH_SIZE_PER_IMAGE": model.rpn_batch_size_per_image,
                "PRE_NMS_TOPK_TRAIN": 2 * model.proposals_train,
                "POST_NMS_TOPK_TRAIN": model.proposals_train,
                "PRE_NMS_TOPK_TEST": model.proposals_test,
                "POST_NMS_TOPK_TEST": model.proposals_test,
                "SMOOTH_L1_BETA": model.smooth_l1_beta,
            },
            "ROI_HEADS": {
                "NAME": "StandardROIHeads",
                "IN_FEATURES": in_heads,
                "NUM_CLASSES": num_classes,
                "BATCH_SIZE_PER_IMAGE": model.batch_size_per_image,
                "SCORE_THRESH_TEST": model.score_threshold,
                "NMS_THRESH_TEST": model.nms_threshold,
            },
            "ROI_BOX_HEAD": {
                "NAME": "FastRCNNConvFCHead",
                "NUM_FC": 2,
                "FC_DIM": model.head_features,
                "POOLER_RESOLUTION": 7,
                "SMOOTH_L1_BETA": model.smooth_l1_beta,
            },
            "ROI_MASK_HEAD": {
                "NAME": "MaskRCNNConvUpsampleHead",
                "NUM_CONV": 4,
                "CONV_DIM": model.mask_channels,
                "POOLER_RESOLUTION": 14,
            },
        },
        "INPUT": {
            "FORMAT": order,
            "MASK_FORMAT": "bitmask",
            "MIN_SIZE_TRAIN": list(sizes.min_size_train),
            "MAX_SIZE_TRAIN": sizes.max_size_train,
            "MIN_SIZE_TEST": sizes.min_size_test,
            "MAX_SIZE_TEST": sizes.max_size_test,
        },
        "DATALOADER": {"FILTER_EMPTY_ANNOTATIONS": sizes.filter_empty},
        "TEST": {"DETECTIONS_PER_IMAGE": model.detections_per_image},
    }
