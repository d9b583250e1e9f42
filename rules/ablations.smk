"""Ablations: their points are experiments like any other, each with jobs of its own, and are compared on validation."""


rule ablation:
    input:
        unpack(lambda wildcards: PLAN.ablation_inputs(wildcards.ablation)),
        digest=DIGEST,
    output:
        table=report(
            f"{RESULTS}/ablations/{{ablation}}.csv",
            category="Ablations",
            subcategory="{ablation}",
            labels={"shows": "points, with spread over seeds"},
            caption="../podium/report/captions/ablation_table.rst",
        ),
        seeds=f"{RESULTS}/ablations/{{ablation}}.seeds.csv",
        figure=report(
            f"{RESULTS}/ablations/{{ablation}}.svg",
            category="Ablations",
            subcategory="{ablation}",
            labels={"shows": "metric on validation"},
            caption="../podium/report/captions/ablation_figure.rst",
        ),
    log:
        f"{LOGS}/ablation.{{ablation}}.log",
    conda:
        "../environment.yml"
    resources:
        mem_mb=grown(8000),
        runtime=120,
    params:
        settings=lambda wildcards: settings_json(
            **PLAN.ablation_settings(wildcards.ablation)
        ),
        code=fingerprint("scripts/ablation.py"),
    script:
        "../scripts/ablation.py"
