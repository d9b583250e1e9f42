"""Metrics of boxes and of instances, by the same evaluator."""


rule evaluate:
    input:
        digest=DIGEST,
        split=lambda wildcards: PLAN.split(wildcards.station, wildcards.experiment),
        predictions=f"{RESULTS}/{{station}}/{{experiment}}/predictions.{{split}}.json",
        choice=lambda wildcards: PLAN.choice(
            wildcards.station, wildcards.experiment, wildcards.split
        ),
    output:
        metrics=f"{RESULTS}/{{station}}/{{experiment}}/metrics.{{split}}.json",
    log:
        f"{LOGS}/evaluate.{{station}}.{{experiment}}.{{split}}.log",
    group:
        "{station}_{experiment}_{split}"
    conda:
        "../environment.yml"
    resources:
        mem_mb=grown(8000),
        runtime=60,
    params:
        settings=lambda wildcards: settings_json(
            evaluation=COMPETITION.judging,
            masks=COMPETITION.finds_masks(wildcards.station, wildcards.experiment),
            shares_out=COMPETITION.shares_out(wildcards.station, wildcards.experiment),
        ),
        code=fingerprint("scripts/evaluate.py"),
    script:
        "../scripts/evaluate.py"
