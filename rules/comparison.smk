"""Ways to the same objects, such as boxes with masks found in them and Mask R-CNN, compared on the same images."""

if PLAN.ways:

    rule compare:
        input:
            unpack(lambda wildcards: PLAN.comparison_inputs()),
            digest=DIGEST,
        output:
            comparison=report(
                PLAN.comparison,
                category="Comparison",
                labels={"shows": "ways to the same objects"},
                caption="../podium/report/captions/comparison.rst",
            ),
        log:
            f"{LOGS}/compare.log",
        conda:
            "../environment.yml"
        resources:
            mem_mb=grown(8000),
            runtime=120,
        params:
            settings=lambda wildcards: settings_json(**PLAN.comparison_settings()),
            code=fingerprint("scripts/compare.py"),
        script:
            "../scripts/compare.py"
