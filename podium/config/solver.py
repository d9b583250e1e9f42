"""How a model is trained. Names follow Detectron2's SOLVER section."""

from typing import Literal

from pydantic import Field, model_validator

from podium.config.section import Fraction, Positive, Section


class Solver(Section):
    """Everything is counted in iterations: one iteration is one step of the optimiser."""

    optimizer: Literal["sgd", "adam", "adamw"] = Field("sgd", description="the optimiser of torch.optim")
    base_lr: Positive = Field(description="learning rate; the highest one that the schedule reaches")
    momentum: Fraction = Field(0.9, lt=1, description="momentum of sgd, beta1 of adam and adamw")
    weight_decay: float = Field(0.0001, ge=0, description="weight decay; biases and normalisation layers have none")
    schedule: Literal["constant", "steps", "cosine", "one_cycle"] = Field(
        "constant",
        description="how the rate moves after warm-up: stays, is multiplied by gamma at each of `steps`, "
        "falls to zero as a cosine, or rises and falls as one cycle (which has its own warm-up)",
    )
    steps: tuple[int, ...] = Field((), description="iterations at which schedule `steps` multiplies the rate by gamma")
    gamma: Fraction = Field(0.1, gt=0, description="factor at each step")
    warmup_iters: int = Field(0, ge=0, description="iterations of linear warm-up from warmup_factor * base_lr")
    warmup_factor: Fraction = Field(0.001, description="the rate at iteration 0 as a part of base_lr")
    max_iter: int = Field(ge=0, description="iterations; 0 leaves the model as it was initialised")
    ims_per_batch: int = Field(2, ge=1, description="samples in an iteration")
    clip_norm: Positive | None = Field(None, description="gradients are scaled down to this norm; null: never")
    eval_period: int = Field(500, ge=1, description="iterations between evaluations on validation; also at the end")
    checkpoint_period: int = Field(
        500, ge=1, description="iterations between saves of the training state, from which a killed run continues"
    )
    keep: Literal["best", "last"] = Field("best", description="which weights become model.pt, by validation or by age")
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = Field(
        "32-true", description="Lightning Fabric's precision"
    )

    @model_validator(mode="after")
    def _the_schedule_means_something(self):
        if self.schedule == "steps":
            if list(self.steps) != sorted(set(self.steps)):
                raise ValueError(f"steps {list(self.steps)} must increase")
            if self.max_iter and self.steps and self.steps[-1] >= self.max_iter:
                raise ValueError(f"step {self.steps[-1]} is never reached: max_iter is {self.max_iter}")
            if self.steps and self.steps[0] < self.warmup_iters:
                raise ValueError(f"step {self.steps[0]} lies inside the warm-up of {self.warmup_iters} iterations")
        elif self.steps:
            raise ValueError(f"steps {list(self.steps)} are only used by schedule: steps, not {self.schedule}")
        if self.schedule == "one_cycle" and self.warmup_iters:
            raise ValueError("schedule one_cycle warms up by itself: leave warmup_iters at 0")
        if self.max_iter and self.warmup_iters >= self.max_iter:
            raise ValueError(f"warmup_iters {self.warmup_iters} must be less than max_iter {self.max_iter}")
        return self
