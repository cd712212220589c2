"""The shipped model's recipe: sizes and options of every stage, and how the stages follow one another."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from musiclc.model.checkpoint import load_model
from musiclc.model.prior import PriorConfig
from musiclc.model.vae import VAEConfig
from musiclc.training import run as training_run
from musiclc.training.corpus import Dataset
from musiclc.training.critics import SteerOptions
from musiclc.training.fit import FitOptions

FILES = ("vae.safetensors", "prior.safetensors", "model.safetensors")  # what each stage leaves in its folder
_STAGES = ("vae", "prior", "critics")


@dataclass(frozen=True)
class Recipe:
    """All that decides what a training run makes."""

    name: str
    vae: tuple[tuple[str, FitOptions], ...]  # phases, as run.train_vae takes them
    prior: tuple[FitOptions, ...]
    critics: SteerOptions
    vae_config: VAEConfig
    prior_config: PriorConfig

    @classmethod
    def default(cls, name: str, bank: int, *, latent: int = 32, **changes: Any) -> "Recipe":
        """The shipped model's options, with `changes` to the FitOptions of every stage."""
        return cls(
            name,
            # First a heavy KL term, which keeps the latent space simple; then a lighter one, which sharpens reconstruction in it;
            # then the decoder learns to write from noisy points, which the prior's draws always are.
            (
                ("vae", replace(FitOptions(steps=1800, batch=128, beta=0.5, drop=0.1), **changes)),
                ("vae", replace(FitOptions(steps=750, batch=128, beta=0.3, drop=0.1, warm_share=0.0, learning_rate=1.5e-3, seed=1), **changes)),
                ("decoder", replace(FitOptions(steps=7200, batch=192, drop=0.05, learning_rate=1.5e-3, seed=2), **changes)),
            ),
            (
                replace(FitOptions(steps=4000, batch=192, learning_rate=1e-3), **changes),
                replace(FitOptions(steps=6500, batch=512, learning_rate=1e-3, seed=1), **changes),
            ),
            _steering(bank, changes.get("steps")),
            VAEConfig(latent=latent),
            PriorConfig(latent=latent),
        )

    def train(self, stage: str, dataset: Dataset, folder: Path, engine: tuple[str, str, int], talk: Callable[[str], None]) -> None:
        """Run one stage, or "all": those whose file is in `folder` already are left out."""
        stages = training_run.Stages(dataset, folder, training_run.fabric(*engine), talk)
        for number, each in enumerate(_STAGES):
            if stage not in (each, "all"):
                continue
            if stage == "all" and (folder / FILES[number]).exists():
                talk(f"{each}: {folder / FILES[number]} is there already")
            elif each == "vae":
                training_run.train_vae(stages, self.name, self.vae_config, self.vae)
            elif each == "prior":
                training_run.train_prior(stages, load_model(folder / FILES[0]), self.prior_config, self.prior)
            else:
                training_run.train_critics(stages, load_model(folder / FILES[1]), self.critics)


def _steering(bank: int, steps: int | None) -> SteerOptions:
    """The options of the last stage for a bank of that size; `steps` for every fit in it, when given."""
    options = SteerOptions(bank=bank, kept=min(8000, bank), on_policy=3 * bank // 10, asks=2 * bank // 5)
    if steps is None:
        return options
    fits = {name: replace(getattr(options, name), steps=steps) for name in ("critics", "realism", "actor")}
    return replace(options, **fits)
