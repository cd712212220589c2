"""A training run in a folder: resumed where it stopped, saved every few minutes, its curve kept as JSON lines and PNG.

Time decides when a state is saved and what the curve says of seconds, never what is fitted.

Inside: `FitFiles`, `Stages`, `fabric`, `train_vae`, `train_prior`, `train_critics`.
"""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from musiclc.errors import CheckpointError, MusiclcError
from musiclc.files import write_whole
from musiclc.latent.descent import FitState
from musiclc.model import checkpoint
from musiclc.model.checkpoint import Model
from musiclc.model.prior import PriorConfig
from musiclc.model.vae import VAEConfig
from musiclc.training.corpus import Dataset
from musiclc.training.critics import SteerOptions, fit_steering
from musiclc.training.fit import FitOptions, Trainer, TrainingWindows, encode_all, fit_decoder, fit_prior, fit_vae, measure_real

SAVE_EVERY = 180.0  # seconds
REPORT_EVERY = 20  # steps

Talk = Callable[[str], None]


@dataclass
class FitFiles:
    """The files of one fit in `folder`: NAME.state.safetensors, NAME.jsonl, NAME.png."""

    folder: Path
    name: str
    info: dict[str, Any]
    talk: Talk
    _last_save: float = field(default_factory=time.monotonic)
    _began: float = field(default_factory=time.monotonic)

    @property
    def state_path(self) -> Path:
        return self.folder / f"{self.name}.state.safetensors"

    @property
    def curve_path(self) -> Path:
        return self.folder / f"{self.name}.jsonl"

    def resume(self) -> FitState | None:
        """The state a stopped run left, or None. Raises CheckpointError when it belongs to other options."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if not self.state_path.exists():
            self.curve_path.unlink(missing_ok=True)
            return None
        state, info = checkpoint.load_state(self.state_path)
        if info != json.loads(json.dumps(self.info)):
            raise CheckpointError(f"{self.state_path}: belongs to a run with other options; choose another folder, or remove it to begin anew")
        self._drop_curve_after(state.step)
        self.talk(f"{self.name}: goes on from step {state.step}")
        return state

    def _drop_curve_after(self, step: int) -> None:
        lines = self.curve_path.read_text().splitlines() if self.curve_path.exists() else []
        kept = [line for line in lines if json.loads(line)["step"] <= step]
        write_whole(self.curve_path, "".join(line + "\n" for line in kept).encode())

    def on_step(self, state: FitState, figures: dict[str, float]) -> None:
        """Report every REPORT_EVERY steps, save every SAVE_EVERY seconds."""
        if state.step % REPORT_EVERY == 0:
            figures = {**figures, "seconds": round(time.monotonic() - self._began, 1)}
            with self.curve_path.open("a") as file:
                file.write(json.dumps(figures) + "\n")
            if state.step % (REPORT_EVERY * 10) == 0:
                self.talk(f"{self.name}: " + ", ".join(f"{k} {v:.4g}" for k, v in figures.items()))
        if time.monotonic() - self._last_save > SAVE_EVERY:
            checkpoint.save_state(state, self.info, self.state_path)
            self._last_save = time.monotonic()

    def finish(self) -> None:
        """Draw the curve and remove the state that is no longer needed."""
        self.state_path.unlink(missing_ok=True)
        lines = [json.loads(line) for line in self.curve_path.read_text().splitlines()] if self.curve_path.exists() else []
        if lines:
            plot_curve(lines, self.folder / f"{self.name}.png")


def plot_curve(lines: list[dict[str, float]], path: Path) -> None:
    """Every figure of a run over its steps, one panel each, as PNG. Without matplotlib nothing is drawn."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        return
    names = [k for k in lines[0] if k not in ("step", "seconds")]
    figure = Figure(figsize=(4 * len(names), 3), layout="constrained")
    FigureCanvasAgg(figure)
    for panel, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
        panel.plot([line["step"] for line in lines], [line[name] for line in lines], linewidth=1)
        panel.set(title=name, xlabel="step")
        panel.grid(alpha=0.3)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=100)


def fabric(precision: str = "bf16-mixed", devices: str = "auto", nodes: int = 1) -> Any:
    """A launched Lightning Fabric: one CPU, a GPU, or several nodes (by `fabric run` or SLURM). Raises MusiclcError without Fabric."""
    try:
        from lightning_fabric import Fabric
    except ImportError as error:
        raise MusiclcError("lightning-fabric is not installed: pip install 'musiclc[train]'") from error
    torch.set_flush_denormal(True)
    made = Fabric(accelerator="auto", devices=devices if devices == "auto" else int(devices), num_nodes=nodes, precision=precision)
    made.launch()
    return made


@dataclass(frozen=True)
class Stages:
    """What every stage of a training needs: the data, the folder it is kept in, and a launched Fabric."""

    dataset: Dataset
    folder: Path
    engine: Any
    talk: Talk

    def files(self, name: str, config: Any, options: FitOptions) -> FitFiles:
        """The files of one fit."""
        return FitFiles(self.folder, name, {"config": asdict(config), "options": asdict(options)}, self.talk)

    def trainer(self, files: FitFiles) -> Trainer:
        """What runs the fit, on from where it stopped. Of several processes only the first writes."""
        return Trainer(self.engine, files.resume(), files.on_step if self.engine.is_global_zero else None)

    def windows(self, split: str, canonical: bool = False) -> TrainingWindows:
        """One split of the data."""
        return TrainingWindows(self.dataset, split, canonical)

    def keep(self, model: Model, name: str, files: FitFiles | None = None) -> None:
        """Write a model into the folder; with it the fit that made it is done."""
        if self.engine.is_global_zero:
            checkpoint.save_model(model, self.folder / name)
            if files:
                files.finish()
        self.engine.barrier()


def train_vae(stages: Stages, name: str, config: VAEConfig, phases: Sequence[tuple[str, FitOptions]]) -> Model:
    """Fit the VAE, one phase after another, resuming what is there; writes vae.safetensors.

    phases: "vae" fits all of it (fit.fit_vae), "decoder" the decoder alone (fit.fit_decoder). A phase that is done has its
    vae-N.safetensors, from which the next goes on.
    """
    data = stages.windows("train")
    model: Model | None = None
    for number, (part, options) in enumerate(phases, start=1):
        file = f"vae-{number}.safetensors"
        if not (stages.folder / file).exists():
            files = stages.files(f"vae-{number}", config, options)
            trainer = stages.trainer(files)
            if part == "vae" or model is None:
                vae, _ = fit_vae(data, model.vae if model else config, options, trainer)
            else:
                vae, _ = fit_decoder(data, stages.windows("train", canonical=True), model.vae, options, trainer)
            done = {**(model.notes if model else {}), f"vae phase {number}": {"part": part, "windows": len(data), **asdict(options)}}
            stages.keep(Model(name, vae, notes=done), file, files)
        model = checkpoint.load_model(stages.folder / file)
    assert model is not None
    stages.keep(model, "vae.safetensors")
    return model


def train_prior(stages: Stages, model: Model, config: PriorConfig, phases: Sequence[FitOptions]) -> Model:
    """Fit the prior of a model that has its VAE, phase by phase as `train_vae`; writes prior.safetensors."""
    data, held_out = stages.windows("train", canonical=True), stages.windows("validation")
    for number, options in enumerate(phases, start=1):
        file = f"prior-{number}.safetensors"
        if not (stages.folder / file).exists():
            files = stages.files(f"prior-{number}", config, options)
            prior, _ = fit_prior(data, held_out, model.vae, model.prior or config, options, stages.trainer(files))
            done = {**model.notes, f"prior phase {number}": {"windows": len(data), **asdict(options)}}
            stages.keep(Model(model.name, model.vae, prior, {}, done), file, files)
        model = checkpoint.load_model(stages.folder / file)
    stages.keep(model, "prior.safetensors")
    return model


def train_critics(stages: Stages, model: Model, options: SteerOptions) -> Model:
    """Fit all that steers a model that has its prior (critics.py); writes model.safetensors."""
    if model.prior is None:
        raise MusiclcError("the model has no prior yet; run musiclc train prior first")
    torch.set_flush_denormal(True)
    measure_real(model.prior, model.vae, stages.windows("validation"), options.seed)
    encodings, meters = encode_all(model.vae, stages.windows("train", canonical=True))
    model = fit_steering(model, encodings, meters, options, stages.talk)
    checkpoint.save_model(model, stages.folder / "model.safetensors")
    return model
