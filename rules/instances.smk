"""Instances: a detector's boxes, each with the mask that a segmenter finds in it."""


def instance_parts(wildcards):
    """The boxes and the segmenter of an instances experiment."""
    experiment = COMPETITION.instances[wildcards.experiment]
    return {
        "boxes": f"{RESULTS}/detection/{experiment.detection}/predictions.{wildcards.split}.json",
        "model": f"{RESULTS}/segmentation/{experiment.segmentation}/model.pt",
        "split": split_file(wildcards, "instances"),
    }


rule predict_instances:
    input:
        unpack(instance_parts),
        digest=DIGEST,
    output:
        predictions=f"{RESULTS}/instances/{{experiment}}/predictions.{{split}}.json",
    log:
        f"{LOGS}/predict_instances.{{experiment}}.{{split}}.log",
    conda:
        "../environment.yml"
    threads: 8
    resources:
        mem_mb=16000,
        runtime=240,
    params:
        settings=lambda wildcards: settings_json(
            experiment=COMPETITION.instances[wildcards.experiment],
            images=submission_images() if wildcards.split == "submission" else None,
        ),
        code=fingerprint("scripts/predict_instances.py"),
    script:
        "../scripts/predict_instances.py"
