"""Draw a training after it is run: loss and its parts, learning rate, validation, below each other.

Input: history (a row per iteration).
Output: drawing (SVG).
"""

from podium.files import write_text
from podium.report.plots import curves, read_history
from podium.workflow.script import running

if __name__ == "__main__":
    with running(snakemake):
        write_text(snakemake.output.drawing, curves(read_history(snakemake.input.history)))
