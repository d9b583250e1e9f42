"""podium: from a competition's raw data to a scored submission.

    snakemake --cores 8                                            the generated demo competition
    snakemake --cores 8 --configfile config/nuclei.yaml            another competition
    snakemake --profile slurm --configfile config/planes.yaml      on a Slurm cluster
    snakemake submit --cores 1 --configfile config/nuclei.yaml     uploads; never part of `all`

Which station a rule belongs to is its file's name; what the files between the stations hold is in docs/files.md.

What needs the network, or takes a moment, is a `localrule`: it runs where Snakemake runs, and on a cluster waits in no
queue. Other short work waits once: a `group` of rules is one job there, and has no meaning elsewhere.
"""

from snakemake.utils import min_version

min_version("9.0")

if not workflow.configfiles:

    configfile: f"{workflow.basedir}/config/demo.yaml"


include: "rules/common.smk"
include: "rules/data.smk"
include: "rules/splits.smk"
include: "rules/schedules.smk"
include: "rules/zoo.smk"
include: "rules/selection.smk"
include: "rules/detection.smk"
include: "rules/segmentation.smk"
include: "rules/tuning.smk"
include: "rules/instances.smk"
include: "rules/evaluation.smk"
include: "rules/ablations.smk"
include: "rules/comparison.smk"
include: "rules/submission.smk"
include: "rules/share.smk"
include: "rules/report.smk"


rule all:
    default_target: True
    input:
        PLAN.page,
        PLAN.curves(),
        lambda wildcards: PLAN.tuning_files("tuning.svg", chosen()),
        lambda wildcards: PLAN.submission_files(chosen()),
        lambda wildcards: PLAN.shared_folder(chosen()),


onstart:
    mend_slurm_plugin(workflow.executor_settings)
    try:
        refuse_jobs_left(Path.cwd(), submits_to_slurm(workflow.executor_settings))
    except PodiumError as error:
        raise WorkflowError(str(error)) from None
    remember_code(RESULTS)


onerror:
    keep_records(workflow.dag, RESULTS)


onsuccess:
    keep_records(workflow.dag, RESULTS)
    print(summarise(PLAN.page, PLAN.submission_files(chosen_already()), PLAN.share))
