"""Weights that a training starts from: what is taken, what stays as it was initialised, what is refused."""

import logging
import pickle

import pytest
import torch

from podium.config.detection import Detector
from podium.errors import PodiumError
from podium.models.checkpoint import Checkpoint, save_checkpoint
from podium.models.detectors import build_detector
from podium.models.detectron2_names import to_detectron2
from podium.models.starting_weights import coco_categories, start_from

SMALL = {
    "backbone": "resnet18",
    "weights": "none",
    "fpn_channels": 8,
    "head_features": 8,
    "mask_channels": 8,
    "freeze_at": 0,
}
CLS, BOX, MASK = "roi_heads.box_predictor.cls_score", "roi_heads.box_predictor.bbox_pred", "roi_heads.mask_predictor"


def small(seed, categories, **changes):
    torch.manual_seed(seed)
    settings = Detector(**SMALL | changes)
    return settings, build_detector(settings, len(categories))


def state(model):
    return {name: value.clone() for name, value in model.state_dict().items()}


def saved(folder, categories, seed=1, **changes):
    """Write model.pt of random weights; return it and them."""
    settings, model = small(seed, categories, **changes)
    file = folder / "model.pt"
    dump = {"model": settings.model_dump(mode="json")}
    save_checkpoint(file, Checkpoint(state(model), dump, list(categories), {}, 1))
    return file, state(model)


def pickled(folder, weights, **beside):
    """Write weights under our names as a zoo file."""
    renamed = {name: value.numpy() for name, value in to_detectron2(weights, (2, 6)).items()}
    file = folder / "model_final.pkl"
    file.write_bytes(pickle.dumps({"model": {**renamed, **beside}, "__author__": "me"}, protocol=2))
    return file


def rows(state, layer, index, each=1):
    return [state[f"{layer}.{part}"][each * index : each * (index + 1)] for part in ("weight", "bias")]


def assert_rows(now, index_now, then, index_then):
    for layer, each in ((CLS, 1), (BOX, 4), (MASK, 1)):
        if f"{layer}.weight" in now:
            pairs = zip(rows(now, layer, index_now, each), rows(then, layer, index_then, each), strict=True)
            assert all(torch.equal(a, b) for a, b in pairs), layer


def test_the_same_categories_take_everything(tmp_path):
    file, then = saved(tmp_path, ["a", "b"], architecture="mask_rcnn")
    settings, model = small(2, ["a", "b"], architecture="mask_rcnn")
    assert not torch.equal(model.state_dict()[f"{CLS}.weight"], then[f"{CLS}.weight"])
    start_from(model, settings, ["a", "b"], file)
    now = model.state_dict()
    assert now.keys() == then.keys()
    assert all(torch.equal(now[name], then[name]) for name in now)


def test_rows_follow_the_names_of_categories(tmp_path, caplog):
    file, then = saved(tmp_path, ["ship", "plane", "car"], architecture="mask_rcnn")
    settings, model = small(2, ["bus", "car", "plane", "van"], architecture="mask_rcnn")
    fresh = state(model)
    with caplog.at_level(logging.INFO):
        start_from(model, settings, ["bus", "car", "plane", "van"], file)
    now = model.state_dict()
    for here, there in ((1, 2), (2, 1)):
        assert_rows(now, here, then, there)
    for new in (0, 3):
        assert_rows(now, new, fresh, new)
    for part in ("weight", "bias"):
        assert torch.equal(now[f"{CLS}.{part}"][4], then[f"{CLS}.{part}"][3])  # background
    others = [name for name in now if name.rpartition(".")[0] not in (CLS, BOX, MASK)]
    assert all(torch.equal(now[name], then[name]) for name in others)
    assert "rows kept for: car, plane; new: bus, van" in caplog.text


def test_a_dropped_category_leaves_the_rows_of_the_others(tmp_path, caplog):
    file, then = saved(tmp_path, ["plane", "ship", "van"])
    settings, model = small(2, ["plane", "van"])
    with caplog.at_level(logging.INFO):
        start_from(model, settings, ["plane", "van"], file)
    now = model.state_dict()
    assert_rows(now, 0, then, 0)
    assert_rows(now, 1, then, 2)
    assert "rows kept for: plane, van; new: none" in caplog.text


def test_a_dropped_category_and_the_detections_of_the_others(tmp_path):
    """Removing a category's rows changes no logit of another: what is found in equal features is the same."""
    file, _ = saved(tmp_path, ["plane", "ship", "van"])
    _, before = small(1, ["plane", "ship", "van"])
    settings, model = small(2, ["plane", "van"])
    start_from(model, settings, ["plane", "van"], file)
    features = torch.rand(5, 8)
    (logits, deltas), (logits_before, deltas_before) = (
        each.eval().roi_heads.box_predictor(features) for each in (model, before)
    )
    assert torch.allclose(logits, logits_before[:, [0, 2, 3]])
    assert torch.allclose(deltas, deltas_before[:, [0, 1, 2, 3, 8, 9, 10, 11]])


def test_zoo_weights_have_cocos_categories(tmp_path, monkeypatch, caplog):
    _, then = saved(tmp_path, coco_categories())
    file = pickled(tmp_path, then, **{"proposal_generator.anchor_generator.cell_anchors.0": torch.ones(3, 4).numpy()})
    settings, model = small(2, ["plane", "boat", "person"])
    fresh = state(model)
    settings = settings.model_copy(update={"weights": "COCO-Detection/faster_rcnn_R_50_FPN_3x"})
    with caplog.at_level(logging.INFO):
        start_from(model, settings, ["plane", "boat", "person"], file)
    now = model.state_dict()
    # Detectron2's classes 8 and 0, as in its metadata; "plane" is called airplane there.
    assert_rows(now, 1, then, 8)
    assert_rows(now, 2, then, 0)
    assert_rows(now, 0, fresh, 0)
    assert "rows kept for: boat, person; new: plane" in caplog.text


def test_cocos_categories():
    names = coco_categories()
    assert len(set(names)) == 80
    assert [names[index] for index in (0, 4, 8, 56, 79)] == ["person", "airplane", "boat", "chair", "toothbrush"]
    metadata = pytest.importorskip("detectron2.data").MetadataCatalog.get("coco_2017_val")
    assert names == metadata.thing_classes


def test_unnamed_categories_of_the_same_number_take_all_rows(tmp_path, caplog):
    _, then = saved(tmp_path, ["a", "b"])
    settings, model = small(2, ["x", "y"])
    with caplog.at_level(logging.INFO):
        start_from(model, settings, ["x", "y"], pickled(tmp_path, then))
    assert all(torch.equal(model.state_dict()[name], then[name]) for name in then)
    assert "not named, but as many" in caplog.text


def test_unnamed_categories_of_another_number_leave_background(tmp_path, caplog):
    _, then = saved(tmp_path, ["a", "b"])
    file = tmp_path / "model_final.pth"
    torch.save({"model": to_detectron2(then, (2, 6)), "iteration": 9}, file)
    settings, model = small(2, ["x", "y", "z"])
    fresh = state(model)
    with caplog.at_level(logging.INFO):
        start_from(model, settings, ["x", "y", "z"], file)
    now = model.state_dict()
    for index in range(3):
        assert_rows(now, index, fresh, index)
    assert torch.equal(now[f"{CLS}.weight"][3], then[f"{CLS}.weight"][2])
    assert torch.equal(now["rpn.head.conv.0.0.weight"], then["rpn.head.conv.0.0.weight"])
    assert "2 categories are not named, the model has 3: rows kept for background alone" in caplog.text


def test_a_mask_head_that_the_source_does_not_have_stays_as_it_was(tmp_path, caplog):
    file, then = saved(tmp_path, ["a"])
    settings, model = small(2, ["a"], architecture="mask_rcnn")
    fresh = state(model)
    start_from(model, settings, ["a"], file)
    now = model.state_dict()
    for name, value in now.items():
        expected = fresh if name.startswith("roi_heads.mask_") else then
        assert torch.equal(value, expected[name]), name
    assert "has no mask head" in caplog.text


def test_a_mask_head_that_the_model_does_not_have_is_left(tmp_path, caplog):
    file, then = saved(tmp_path, ["a"], architecture="mask_rcnn")
    settings, model = small(2, ["a"])
    start_from(model, settings, ["a"], file)
    assert all(torch.equal(value, then[name]) for name, value in model.state_dict().items())
    assert "mask" not in caplog.text


def test_half_a_mask_head_is_no_mask_head(tmp_path):
    _, then = saved(tmp_path, ["a"], architecture="mask_rcnn")
    del then["roi_heads.mask_head.8.weight"]
    settings, model = small(2, ["a"], architecture="mask_rcnn")
    with pytest.raises(PodiumError, match=r"1 are missing, as roi_heads\.mask_head\.8\.weight"):
        start_from(model, settings, ["a"], pickled(tmp_path, then))


def test_counts_of_batches_come_and_go_with_the_norm(tmp_path):
    file, then = saved(tmp_path, ["a"], norm="batch")
    assert any(name.endswith("num_batches_tracked") for name in then)
    settings, model = small(2, ["a"], norm="frozen")
    start_from(model, settings, ["a"], file)
    assert all(torch.equal(value, then[name]) for name, value in model.state_dict().items())
    file, then = saved(tmp_path, ["a"], norm="frozen")
    settings, model = small(2, ["a"], norm="batch")
    start_from(model, settings, ["a"], file)
    counts = {name for name in model.state_dict() if name.endswith("num_batches_tracked")}
    assert model.state_dict().keys() - then.keys() == counts


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"pixels": "bgr"}, r"trained with pixels: rgb, but the model has pixels: bgr"),
        ({"stride_in_1x1": True}, r"stride_in_1x1: false, but the model has stride_in_1x1: true"),
        ({"backbone": "resnet34"}, r"backbone: resnet18, but the model has backbone: resnet34"),
        ({"levels": (3, 6), "anchor_sizes": (1, 2, 3, 4)}, r"levels: \[2, 6\], but the model has levels: \[3, 6\]"),
    ],
)
def test_a_checkpoint_of_another_model_is_refused_by_name(changes, words, tmp_path):
    file, _ = saved(tmp_path, ["a"])
    settings, model = small(2, ["a"], **changes)
    before = state(model)
    with pytest.raises(PodiumError, match=words) as caught:
        start_from(model, settings, ["a"], file)
    assert caught.value.file == file
    assert caught.value.mend.startswith(f"set {next(iter(changes))}: ")
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_a_deeper_backbone_in_a_foreign_file_does_not_pass(tmp_path):
    """All tensors of the smaller model are there with the right shapes."""
    _, then = saved(tmp_path, ["a"], backbone="resnet34")
    settings, model = small(2, ["a"])
    with pytest.raises(PodiumError, match=r"\d+ are too many, as backbone\.body\.layer1\.2\.conv1\.weight"):
        start_from(model, settings, ["a"], pickled(tmp_path, then))


def test_missing_tensors_and_other_shapes_are_named(tmp_path):
    _, then = saved(tmp_path, ["a"], fpn_channels=16)
    del then["rpn.head.cls_logits.bias"]
    settings, model = small(2, ["a"])
    with pytest.raises(PodiumError) as caught:
        start_from(model, settings, ["a"], pickled(tmp_path, then))
    assert "1 are missing, as rpn.head.cls_logits.bias" in caught.value.problem
    assert "backbone.fpn.inner_blocks.0.0.weight [16, 64, 1, 1] instead of [8, 64, 1, 1]" in caught.value.problem
    assert "fpn_channels" in caught.value.mend


def test_another_width_under_the_class_layers(tmp_path):
    _, then = saved(tmp_path, ["a"])
    then[f"{CLS}.weight"] = torch.rand(2, 9)
    settings, model = small(2, ["a", "b"])
    with pytest.raises(PodiumError, match=r"cls_score\.weight \[2, 9\] instead of \[3, 8\]"):
        start_from(model, settings, ["a", "b"], pickled(tmp_path, then))


def test_class_layers_for_different_numbers_of_categories(tmp_path):
    """As one box for all categories together, or background's rows among those of boxes."""
    _, then = saved(tmp_path, ["a", "b"])
    settings, model = small(2, ["a", "b"])
    for number in (4, 12):
        then |= {f"{BOX}.weight": torch.rand(number, 8), f"{BOX}.bias": torch.rand(number)}
        with pytest.raises(PodiumError, match=rf"cls_score for 2, .*bbox_pred for {number // 4}"):
            start_from(model, settings, ["a", "b"], pickled(tmp_path, then))


def test_pixels_of_a_foreign_file_are_compared_where_it_tells_them(tmp_path):
    _, then = saved(tmp_path, ["a"])
    mean = torch.tensor([103.53, 116.28, 123.675]).reshape(3, 1, 1).numpy()
    file = pickled(tmp_path, then, pixel_mean=mean, pixel_std=torch.ones(3, 1, 1).numpy())
    for pixels, words in (("rgb", r"mean \[103\.53, 116\.28, 123\.675\]"), ("bgr_std", r"std \[1\.0, 1\.0, 1\.0\]")):
        settings, model = small(2, ["a"], pixels=pixels)
        with pytest.raises(PodiumError, match=words) as caught:
            start_from(model, settings, ["a"], file)
        assert caught.value.key == "model.pixels"
    settings, model = small(2, ["a"], pixels="bgr")
    start_from(model, settings, ["a"], file)
    assert torch.equal(model.state_dict()[f"{CLS}.weight"], then[f"{CLS}.weight"])


def test_a_checkpoint_of_a_segmenter(tmp_path):
    file = tmp_path / "model.pt"
    save_checkpoint(file, Checkpoint({}, {"model": {"encoder": "resnet18"}}, ["a"], {}, 1))
    settings, model = small(2, ["a"])
    with pytest.raises(PodiumError, match="holds no detector"):
        start_from(model, settings, ["a"], file)


def test_foreign_names_name_the_file(tmp_path):
    file = tmp_path / "model_final.pth"
    torch.save({"model": {"retinanet.head.weight": torch.ones(2)}}, file)
    settings, model = small(2, ["a"])
    with pytest.raises(PodiumError, match=r"retinanet\.head\.weight") as caught:
        start_from(model, settings, ["a"], file)
    assert caught.value.file == file
