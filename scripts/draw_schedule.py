"""Draw a training's learning rate before it is run.

Output: drawing (SVG: the rate of every iteration).
"""

import pandas as pd

from podium.config.solver import Solver
from podium.files import write_text
from podium.report.plots import curves
from podium.training.schedule import learning_rate
from podium.workflow.script import running

if __name__ == "__main__":
    with running(snakemake) as settings:
        solver = Solver.model_validate(settings["solver"])
        rates = [(iteration + 1, learning_rate(solver, iteration)) for iteration in range(solver.max_iter)]
        write_text(snakemake.output.drawing, curves(pd.DataFrame(rates, columns=["iteration", "lr"], dtype=float)))
