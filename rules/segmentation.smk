"""Segmenters: trained on windows around the true boxes of one fold, judged on the true boxes of another part."""


rule train_segmenter:
    input:
        digest=DIGEST,
        split=lambda wildcards: PLAN.split("segmentation", wildcards.experiment),
    output:
        model=f"{RESULTS}/segmentation/{{experiment}}/model.pt",
        history=f"{RESULTS}/segmentation/{{experiment}}/history.csv",
    log:
        f"{LOGS}/train_segmenter.{{experiment}}.log",
    conda:
        "../environment.yml"
    threads: 8
    resources:
        mem_mb=grown(16000),
        runtime=1440,
    params:
        settings=lambda wildcards: PLAN.training_settings(
            "segmentation", wildcards.experiment
        ),
        code=fingerprint("scripts/train_segmenter.py"),
        environment=environment("scripts/train_segmenter.py"),
    script:
        "../scripts/train_segmenter.py"


rule evaluate_segmenter:
    input:
        digest=DIGEST,
        split=lambda wildcards: PLAN.split("segmentation", wildcards.experiment),
        model=f"{RESULTS}/segmentation/{{experiment}}/model.pt",
        chosen=before_test("segmentation"),
    output:
        metrics=f"{RESULTS}/segmentation/{{experiment}}/metrics.{{split}}.json",
        predictions=f"{RESULTS}/segmentation/{{experiment}}/predictions.{{split}}.json",
    log:
        f"{LOGS}/evaluate_segmenter.{{experiment}}.{{split}}.log",
    conda:
        "../environment.yml"
    threads: 8
    resources:
        mem_mb=grown(16000),
        runtime=240,
    params:
        settings=lambda wildcards: settings_json(),
        code=fingerprint("scripts/evaluate_segmenter.py"),
        environment=environment("scripts/evaluate_segmenter.py"),
    script:
        "../scripts/evaluate_segmenter.py"
