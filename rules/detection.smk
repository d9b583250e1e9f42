"""Detectors: trained on one fold, then their boxes for any part.

`submission` is the part that is sent to the competition: its own test images, and the training images too where its
rules ask for them.
"""


rule train_detector:
    input:
        digest=DIGEST,
        split=lambda wildcards: PLAN.split("detection", wildcards.experiment),
        weights=lambda wildcards: PLAN.starting_weights(wildcards.experiment),
    output:
        model=f"{RESULTS}/detection/{{experiment}}/model.pt",
        history=f"{RESULTS}/detection/{{experiment}}/history.csv",
    log:
        f"{LOGS}/train_detector.{{experiment}}.log",
    conda:
        "../environment.yml"
    threads: 8
    resources:
        mem_mb=grown(16000),
        runtime=1440,
    params:
        settings=lambda wildcards: PLAN.training_settings(
            "detection", wildcards.experiment
        ),
        code=fingerprint("scripts/train_detector.py"),
        environment=lambda wildcards: environment(
            "scripts/train_detector.py", *PLAN.backend_packages(wildcards.experiment)
        ),
    script:
        "../scripts/train_detector.py"


rule predict_boxes:
    input:
        digest=DIGEST,
        split=lambda wildcards: PLAN.split("detection", wildcards.experiment),
        model=f"{RESULTS}/detection/{{experiment}}/model.pt",
        chosen=before_test("detection"),
    output:
        predictions=f"{RESULTS}/detection/{{experiment}}/predictions.{{split}}.json",
    log:
        f"{LOGS}/predict_boxes.{{experiment}}.{{split}}.log",
    group:
        "detection_{experiment}_{split}"
    conda:
        "../environment.yml"
    threads: 8
    resources:
        mem_mb=grown(16000),
        runtime=240,
    params:
        settings=lambda wildcards: settings_json(
            input=COMPETITION.detection[wildcards.experiment].input,
            images=PLAN.part_images(wildcards.split),
        ),
        code=fingerprint("scripts/predict_boxes.py"),
        environment=environment("scripts/predict_boxes.py"),
    script:
        "../scripts/predict_boxes.py"
