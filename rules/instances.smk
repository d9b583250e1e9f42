"""Instances: a detector's boxes, each with the mask that a segmenter finds in it."""


rule predict_instances:
    input:
        unpack(
            lambda wildcards: PLAN.instance_inputs(
                wildcards.experiment, wildcards.split
            )
        ),
        digest=DIGEST,
        chosen=before_test("instances"),
    output:
        predictions=f"{RESULTS}/instances/{{experiment}}/predictions.{{split}}.json",
    log:
        f"{LOGS}/predict_instances.{{experiment}}.{{split}}.log",
    group:
        "instances_{experiment}_{split}"
    conda:
        "../environment.yml"
    threads: 8
    resources:
        mem_mb=grown(16000),
        runtime=240,
    params:
        settings=lambda wildcards: settings_json(
            experiment=COMPETITION.instances[wildcards.experiment],
            images=PLAN.part_images(wildcards.split),
        ),
        code=fingerprint("scripts/predict_instances.py"),
        environment=environment("scripts/predict_instances.py"),
    script:
        "../scripts/predict_instances.py"
