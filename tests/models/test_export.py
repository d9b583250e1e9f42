"""Our detectors as Detectron2's users get them."""

import numpy as np
import pytest
import torch
import yaml

from podium.config.detection import DetectionExperiment, DetectionInput, Detector
from podium.config.solver import Solver
from podium.data.resize import resize, target_size
from podium.errors import PodiumError
from podium.models.checkpoint import Checkpoint, save_checkpoint
from podium.models.detectors import build_detector
from podium.models.detectron2_config import detectron2_config
from podium.models.detectron2_names import from_detectron2
from podium.models.export import export_detectron2

# Whole models, each with another part that is not Detectron2's default.
MODELS = {
    "mask R-CNN as in the zoo": {
        "architecture": "mask_rcnn",
        "backbone": "resnet50",
        "pixels": "bgr",
        "stride_in_1x1": True,
    },
    "torchvision's ways": {"backbone": "resnet18", "pixels": "rgb", "score_threshold": 0.0},
    "ResNeXt of other widths": {
        "backbone": "resnext50_32x4d",
        "pixels": "bgr_std",
        "architecture": "mask_rcnn",
        "fpn_channels": 32,
        "head_features": 64,
        "mask_channels": 16,
    },
    "fewer levels": {"backbone": "resnet18", "levels": (3, 5), "anchor_sizes": (16, 40.5, 90), "aspect_ratios": (1, 3)},
    "group norm": {"backbone": "resnet34", "norm": "group", "freeze_at": 0, "detections_per_image": 7},
}
SIZES = DetectionInput(min_size_test=96, max_size_test=200)


def exported(folder, categories=("plane", "shîp"), sizes=SIZES, **model):
    """Export a detector of random weights; return it and the two files."""
    torch.manual_seed(5)
    settings = Detector(weights="none", **model)
    detector = build_detector(settings, len(categories)).eval()
    with torch.no_grad():  # random layers do not bring pixels from 0 to 255 down to numbers that softmax tells apart
        detector.backbone.body.conv1.weight /= 1 if settings.pixels != "bgr" else 58
    experiment = DetectionExperiment(model=settings, input=sizes, solver=Solver(base_lr=0.1, max_iter=1))
    checkpoint = Checkpoint(detector.state_dict(), experiment.model_dump(mode="json"), list(categories), {}, 1)
    save_checkpoint(folder / "model.pt", checkpoint)
    weights, config = folder / "detectron2" / "model.pth", folder / "detectron2" / "config.yaml"
    export_detectron2(folder / "model.pt", weights=weights, config=config)
    return detector, weights, config


def test_the_weights_are_ours_under_their_names(tmp_path):
    detector, file, _ = exported(tmp_path, backbone="resnet18", architecture="mask_rcnn")
    content = torch.load(file, weights_only=True)
    assert list(content) == ["model"]
    back = from_detectron2(content["model"])
    ours = detector.state_dict()
    assert back.keys() == ours.keys()
    assert all(torch.equal(back[name], ours[name]) for name in ours)


def test_the_configuration_says_what_the_model_is(tmp_path):
    _, _, file = exported(
        tmp_path,
        backbone="resnet18",
        levels=(3, 6),
        anchor_sizes=(16, 32, 64, 128),
        proposals_train=300,
        proposals_test=200,
        score_threshold=0.2,
    )
    assert "# Its classes, from 0: 'plane', 'shîp'" in file.read_text(encoding="utf-8")
    config = yaml.safe_load(file.read_text(encoding="utf-8"))
    model = config["MODEL"]
    assert model["RESNETS"]["DEPTH"] == 18
    assert model["RESNETS"]["RES2_OUT_CHANNELS"] == 64
    assert model["RESNETS"]["NORM"] == "FrozenBN"
    assert model["FPN"]["IN_FEATURES"] == ["res3", "res4", "res5"]
    assert model["RPN"]["IN_FEATURES"] == ["p3", "p4", "p5", "p6"]
    assert model["ROI_HEADS"]["IN_FEATURES"] == ["p3", "p4", "p5"]
    assert model["ANCHOR_GENERATOR"]["SIZES"] == [[16.0], [32.0], [64.0], [128.0]]
    topk = {name: value for name, value in model["RPN"].items() if "TOPK" in name}
    assert topk == {
        "PRE_NMS_TOPK_TRAIN": 600,
        "POST_NMS_TOPK_TRAIN": 300,
        "PRE_NMS_TOPK_TEST": 200,
        "POST_NMS_TOPK_TEST": 200,
    }
    assert model["ROI_HEADS"]["NUM_CLASSES"] == 2
    assert model["ROI_HEADS"]["SCORE_THRESH_TEST"] == 0.2
    assert model["MASK_ON"] is False
    assert config["INPUT"]["FORMAT"] == "RGB"
    assert config["INPUT"]["MIN_SIZE_TEST"] == 96


def test_levels_that_detectron2_does_not_have():
    settings = Detector(backbone="resnet18", weights="none", levels=(2, 4), anchor_sizes=(16, 32, 64))
    with pytest.raises(PodiumError, match=r"levels \[2, 4\]") as caught:
        detectron2_config(settings, DetectionInput(), 1)
    assert "torchvision" in caught.value.mend


def test_a_segmenter_is_not_exported(tmp_path):
    save_checkpoint(tmp_path / "model.pt", Checkpoint({}, {"model": {}, "solver": {}}, ["a"], {}, 1))
    with pytest.raises(PodiumError, match="holds no detector") as caught:
        export_detectron2(tmp_path / "model.pt", weights=tmp_path / "w.pth", config=tmp_path / "c.yaml")
    assert caught.value.file == tmp_path / "model.pt"
    assert not (tmp_path / "w.pth").exists()


@pytest.mark.parametrize("kind", MODELS)
def test_detectron2_loads_it_and_finds_the_same(kind, tmp_path):
    config = pytest.importorskip("detectron2.config")
    engine = pytest.importorskip("detectron2.engine")
    checkpoint = pytest.importorskip("detectron2.checkpoint")
    detector, weights, file = exported(tmp_path, **MODELS[kind])
    cfg = config.get_cfg()
    cfg.merge_from_file(str(file))
    cfg.MODEL.WEIGHTS, cfg.MODEL.DEVICE = str(weights), "cpu"
    predictor = engine.DefaultPredictor(cfg)
    loaded = checkpoint.DetectionCheckpointer(predictor.model)._load_model(torch.load(weights, weights_only=True))
    assert (loaded.missing_keys, loaded.unexpected_keys, loaded.incorrect_shapes) == ([], [], [])

    image = np.random.default_rng(1).integers(0, 256, (75, 131, 3), dtype=np.uint8)  # BGR
    found = predictor(image)["instances"]
    pixels = resize(np.ascontiguousarray(image[:, :, ::-1]), *target_size(75, 131, 96, 200))
    with torch.no_grad():
        ours = detector([torch.tensor(pixels).permute(2, 0, 1)])[0]
    assert len(found) == len(ours["boxes"]) > 0
    scale = torch.tensor([131 / pixels.shape[1], 75 / pixels.shape[0]]).repeat(2)
    assert torch.allclose(found.pred_boxes.tensor, ours["boxes"] * scale, atol=1e-3)
    assert torch.allclose(found.scores, ours["scores"], atol=1e-6)
    assert torch.equal(found.pred_classes + 1, ours["labels"])
