"""Draw the scores of all combinations of thresholds that were tried.

Input: tuning (the scores).
Output: drawing (SVG).
"""

from podium.files import read_json, write_text
from podium.report.tuning_plot import surface_plot
from podium.workflow.script import running

if __name__ == "__main__":
    with running(snakemake):
        write_text(snakemake.output.drawing, surface_plot(read_json(snakemake.input.tuning)))
