"""Fine-tuning in stages: the heads alone first, then all that is trainable."""

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm


class Stages:
    """Keeps all but the heads as it is for the first iterations: parameters, and statistics of batch norms.

    Parameters
    ----------
    model
        Its parameters that are trainable now are those that are trained in the second stage.
    heads
        Beginnings of the names of what learns in the first stage, as "roi_heads.".
    heads_only_iters
        Iterations of the first stage; 0: there is none.
    """

    def __init__(self, model: nn.Module, heads: tuple[str, ...], heads_only_iters: int):
        self.iterations = heads_only_iters
        trained = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
        self.rest = [parameter for name, parameter in trained.items() if not name.startswith(heads)]
        norms = ((name, module) for name, module in model.named_modules() if isinstance(module, _BatchNorm))
        self.norms = [module for name, module in norms if not f"{name}.".startswith(heads)]
        if heads_only_iters and len(self.rest) == len(trained):
            raise ValueError(f"the model has nothing to train under {' '.join(heads) or 'no heads'}")

    def begin(self, model: nn.Module, iteration: int) -> None:
        """Put the model in training mode, as far as it learns in this iteration."""
        model.train()
        later = iteration >= self.iterations
        for parameter in self.rest:
            parameter.requires_grad_(later)
        for norm in self.norms:
            norm.train(later and norm.training)
