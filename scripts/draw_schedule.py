"""Draw a training's learning rate before it is run, and say what is odd about it.

Output: drawing (SVG: the rate of every iteration, with the advice in words under it).
"""

import logging

from podium.config.solver import Solver
from podium.files import write_text
from podium.report.plots import schedule_plot
from podium.training.schedule import learning_rates
from podium.training.schedule_advice import advice
from podium.workflow.script import running

if __name__ == "__main__":
    with running(snakemake) as settings:
        solver = Solver.model_validate(settings["solver"])
        notes = advice(solver)
        for note in notes:
            logging.warning(note)
        write_text(snakemake.output.drawing, schedule_plot(learning_rates(solver), notes, solver.heads_only_iters))
