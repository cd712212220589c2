"""The one loop that fits every network, small or large: AdamW, a rate that rises and then falls as a cosine, a moving average of the weights.

A critic is fitted in seconds on one processor, a VAE perhaps on several devices: an `Engine` says how, and Lightning Fabric is one.
A fit that was stopped goes on from its `FitState` as if it had never stopped, as long as the loss of a step depends on the step alone.

Inside: `Schedule`, `FitState`, `Engine`, `Descent`, `generator_of`, `seeded`.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn


@dataclass(frozen=True)
class Schedule:
    """steps: of AdamW. learning_rate: its highest, reached after `rise` steps. average: largest decay of the moving average of weights.
    max_gradient: the norm that longer gradients are shortened to.
    """

    steps: int
    learning_rate: float = 2e-3
    weight_decay: float = 0.01
    average: float = 0.99
    rise: int = 50
    max_gradient: float = 10.0

    def rate(self, step: int) -> float:
        """The learning rate of a step, counted from 0."""
        return self.learning_rate * min(1.0, (step + 1) / self.rise) * 0.5 * (1 + math.cos(math.pi * step / self.steps))


@dataclass
class FitState:
    """Where a fit stands: steps done, and the tensors by name that it needs to go on; average: as AveragedModel names them."""

    step: int = 0
    module: dict[str, Tensor] = field(default_factory=dict)
    average: dict[str, Tensor] = field(default_factory=dict)
    optimizer: dict[str, Tensor] = field(default_factory=dict)


class Engine(Protocol):
    """How steps are run, in the words of Lightning Fabric: `setup` places a module and its optimizer, `autocast` is where losses are computed."""

    def setup(self, module: nn.Module, optimizer: Any) -> Any: ...
    def autocast(self) -> AbstractContextManager: ...
    def backward(self, tensor: Tensor) -> None: ...


class Plain:
    """The engine that adds nothing: tensors stay where they are and as wide as they are."""

    def setup(self, module: nn.Module, optimizer: Any) -> tuple[nn.Module, Any]:
        """Both, as they are."""
        return module, optimizer

    def autocast(self) -> AbstractContextManager:
        """Nothing."""
        return nullcontext()

    def backward(self, tensor: Tensor) -> None:
        """Fills in the gradients."""
        tensor.backward()


class Descent:
    """One fit under way, `step` steps on: `module` and its optimizer, and `average`, the module with the averaged weights.

    wrapped: the module as the engine has it, on which losses are computed. state: where a stopped fit of the same kind stood.
    """

    def __init__(self, module: nn.Module, schedule: Schedule, engine: Engine | None = None, state: FitState | None = None):
        self.module, self.schedule, self.engine, self.step = module, schedule, engine or Plain(), 0
        optimizer = torch.optim.AdamW(
            module.parameters(), lr=schedule.learning_rate, betas=(0.9, 0.98), weight_decay=schedule.weight_decay, foreach=True
        )
        self.wrapped, self.optimizer = self.engine.setup(module, optimizer)
        self.average = AveragedModel(module, multi_avg_fn=_rising_decay(schedule.average))
        self.average.update_parameters(module)  # the first only copies: the average begins with the weights before any step
        if state is not None:
            self._restore(state)

    def run(self, loss: Callable[[int], Tensor], on_step: Callable[["Descent"], None] | None = None) -> None:
        """All steps that are left; the module ends with the averaged weights, in evaluation mode. loss: step, from 0 → what to make small."""
        self.module.train()
        while self.step < self.schedule.steps:
            self._descend(loss)
            if on_step:
                on_step(self)
        self.module.load_state_dict(self.average.module.state_dict())
        self.module.eval()

    def _descend(self, loss: Callable[[int], Tensor]) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = self.schedule.rate(self.step)
        with self.engine.autocast():
            value = loss(self.step)
        self.optimizer.zero_grad()
        self.engine.backward(value)
        nn.utils.clip_grad_norm_(self.module.parameters(), self.schedule.max_gradient)
        self.optimizer.step()
        self.average.update_parameters(self.module)
        self.step += 1

    def state(self) -> FitState:
        """Where the fit stands; references, not copies."""
        states = self.optimizer.state_dict()["state"]
        flat = {f"{parameter}.{key}": torch.as_tensor(value) for parameter, values in states.items() for key, value in values.items()}
        return FitState(self.step, self.module.state_dict(), self.average.state_dict(), flat)

    def _restore(self, state: FitState) -> None:
        self.step = state.step
        self.module.load_state_dict(state.module)
        self.average.load_state_dict(state.average)
        whole = self.optimizer.state_dict()
        for name, value in state.optimizer.items():
            parameter, key = name.split(".")
            whole["state"].setdefault(int(parameter), {})[key] = value
        self.optimizer.load_state_dict(whole)


def _rising_decay(most: float) -> Callable[[Any, Any, Any], None]:
    """How AveragedModel shall average: with a decay of n / (n + 9) after n steps, at most `most`, so that early weights are soon forgotten."""

    def average(averaged: list[Tensor], current: list[Tensor], n: Tensor) -> None:
        get_ema_multi_avg_fn(min(most, int(n) / (int(n) + 9)))(averaged, current, n)

    return average


def generator_of(*key: int) -> torch.Generator:
    """Random numbers of their own for each key, such as (seed, step)."""
    return torch.Generator().manual_seed(int(np.random.SeedSequence(key).generate_state(1, np.uint64)[0] >> 1))


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """In here torch's global generator begins at the seed, for a new module's weights; outside it goes on as if nothing had been drawn."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield
