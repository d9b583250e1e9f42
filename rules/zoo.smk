"""Detectron2's files: weights of its model zoo come in, trained detectors go out.

Downloaded weights lie at data/zoo/<name in the zoo>/, once for all competitions, licensed CC BY-SA 3.0. Where there is
no network the file can be put there by hand: it is checked and used. The record beside it says that it was checked;
`snakemake data/zoo/<name>/<file>.json` fetches weights before they are needed.
"""


rule zoo_weights:
    output:
        weights=update("data/zoo/{kind}/{model}/{file}.pkl"),  # one put there by hand is not deleted but used
        record="data/zoo/{kind}/{model}/{file}.json",
    log:
        f"{LOGS}/zoo_weights.{{kind}}.{{model}}.{{file}}.log",
    wildcard_constraints:
        kind="COCO-[A-Za-z]+",
        model="[A-Za-z0-9_]+",
        file="model_final_[0-9a-f]{6}",
    localrule: True
    conda:
        "../environment.yml"
    params:
        settings=lambda wildcards: settings_json(
            model=f"{wildcards.kind}/{wildcards.model}"
        ),
        code="",  # weights are what they are: new code is no reason to download them again
    script:
        "../scripts/zoo_weights.py"


rule export_detectron2:
    input:
        model=f"{RESULTS}/detection/{{experiment}}/model.pt",
    output:
        weights=f"{RESULTS}/detection/{{experiment}}/detectron2/model.pth",
        config=f"{RESULTS}/detection/{{experiment}}/detectron2/config.yaml",
    log:
        f"{LOGS}/export_detectron2.{{experiment}}.log",
    conda:
        "../environment.yml"
    params:
        settings=settings_json(),
        code=fingerprint("scripts/export_detectron2.py"),
        environment=environment("scripts/export_detectron2.py"),
    script:
        "../scripts/export_detectron2.py"
