"""The recipe of the networks of whole pieces: sizes and options of every stage, and how the stages follow one another.

    bars ─► writer ─┐
       └──► flow  ──┴─► steer ─► pieces.safetensors, a four-bar model with the networks of whole pieces added

Each stage leaves its file in the run's folder and is resumed where it stopped; writer and flow need nothing of one another, so that they may
run side by side, each on a core of its own.

Inside: `PIECE_STAGES`, `PieceRecipe`.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from musiclc.latent.fitting import SmallFit
from musiclc.model import checkpoint
from musiclc.model.bars import BarConfig, BarVAE
from musiclc.model.flow import FlowConfig, PieceFlow
from musiclc.model.numerics import precision_of
from musiclc.model.pieces import DrawOptions, Pieces
from musiclc.rules import RULES
from musiclc.training import piece_critics
from musiclc.training.fit import FitOptions, Trainer
from musiclc.training.pieces import PieceData
from musiclc.training.pieces_fit import bar_scale, fit_bars, fit_flow, fit_writer
from musiclc.training.run import FitFiles, fabric
from musiclc.training.tunes import Tunes

BANK = 6300  # points that are kept of the bank of the four-bar model, so that the file stays below 20 MB
PIECE_STAGES = ("bars", "writer", "flow", "steer")
_FILES = {"bars": "bars.safetensors", "writer": "writer.safetensors", "flow": "flow.safetensors", "steer": "pieces.safetensors"}
# Windows that are drawn anew for the critics: (meter, bars) → how many.
_BANKS = {
    **{("4/4", 16): 2400, ("3/4", 16): 900, ("6/8", 16): 1200, ("2/4", 16): 500, ("9/8", 16): 200},
    **{("4/4", 8): 500, ("3/4", 8): 250, ("6/8", 8): 250, ("4/4", 4): 500, ("3/4", 4): 250, ("6/8", 4): 250, ("4/4", 32): 250, ("6/8", 32): 200},
}


@dataclass(frozen=True)
class PieceRecipe:
    """All that decides what a training run of the networks of whole pieces makes. bars: phases, one after another; options.batch: bars a step."""

    name: str
    bars: tuple[FitOptions, ...]
    writer: FitOptions
    flow: FitOptions
    critics: SmallFit
    realism: SmallFit
    banks: dict[tuple[str, int], int]
    bar_config: BarConfig = field(default_factory=BarConfig)
    flow_config: FlowConfig = field(default_factory=FlowConfig)

    @classmethod
    def default(cls, name: str, *, banks: float = 1.0, latent: int = 40, **changes: Any) -> "PieceRecipe":
        """The shipped model's options, with `changes` to the FitOptions of every stage. banks: how many times as many windows for the critics."""
        small = {k: v for k, v in changes.items() if k == "steps"}
        return cls(
            name,
            # First the KL term rises from next to nothing, so that vectors come to mean something before they are pressed; then it is eased.
            (
                replace(FitOptions(steps=2600, batch=1536, beta=0.35, drop=0.2, warm_share=0.5), **changes),
                replace(FitOptions(steps=650, batch=1536, beta=0.2, drop=0.1, warm_share=0.0, learning_rate=1.3e-3, seed=3), **changes),
            ),
            replace(FitOptions(steps=3600, batch=1536, drop=0.1, weight_decay=0.05, learning_rate=1.5e-3, noise_level=1.0, seed=2), **changes),
            replace(FitOptions(steps=6400, batch=1536, learning_rate=1e-3, seed=1), **changes),
            SmallFit(**{"steps": 1000, "batch": 128, "learning_rate": 2e-3, **small}),
            SmallFit(**{"steps": 1000, "batch": 1024, "learning_rate": 1e-3, "weight_decay": 0.1, **small}),
            {key: max(int(n * banks), 8) for key, n in _BANKS.items()},
            BarConfig(latent=latent),
            FlowConfig(latent=latent),
        )

    def train(self, stage: str, tunes: Tunes, base: Path | None, folder: Path, engine: tuple[str, str, int], talk: Callable[[str], None]) -> Path:
        """Run one stage, or "pieces": those whose file is in `folder` already are left out. base: the four-bar model, the shipped one when None."""
        run = _Run(self, PieceData(tunes, "train"), PieceData(tunes, "validation"), folder, fabric(*engine), talk)
        steps = {"bars": run.bars, "writer": run.writer, "flow": run.flow, "steer": lambda: run.steer(checkpoint.load(base, "float32"))}
        for each in PIECE_STAGES:
            file = folder / _FILES[each]
            if stage == "pieces" and file.exists():
                talk(f"{each}: {file} is there already")
            elif stage in (each, "pieces"):
                steps[each]()
        return folder / _FILES[stage if stage != "pieces" else "steer"]


@dataclass(frozen=True)
class _Run:
    """One run's data and folder."""

    recipe: PieceRecipe
    data: PieceData
    held_out: PieceData
    folder: Path
    engine: Any
    talk: Callable[[str], None]

    def bars(self) -> None:
        """The bar VAE, phase by phase."""
        vae: BarVAE | None = None
        for number, options in enumerate(self.recipe.bars, start=1):
            name = f"bars-{number}"
            path = self.folder / f"{name}.safetensors"
            if not path.exists():
                files, trainer = self._fit(name, options)
                found, _ = fit_bars(self.data, vae or self.recipe.bar_config, options, trainer)
                self._keep({"bars": found}, path, files)
            vae = checkpoint.load_networks(path)[0]["bars"]
        assert vae is not None
        self._keep({"bars": vae, "flow": bar_scale(self.data, vae, self.recipe.flow_config, 0)}, self.folder / _FILES["bars"])

    def writer(self) -> None:
        """The decoder of the VAE, on noisy vectors."""
        vae, flow = self._stage("bars")
        files, trainer = self._fit("writer", self.recipe.writer)
        found, _ = fit_writer(self.data, vae, flow, self.recipe.writer, trainer)
        self._keep({"bars": found}, self.folder / _FILES["writer"], files)

    def flow(self) -> None:
        """The prior over bars."""
        vae, flow = self._stage("bars")
        files, trainer = self._fit("flow", self.recipe.flow)
        found, _ = fit_flow(self.data, vae, flow, self.recipe.flow, trainer)
        self._keep({"flow": found}, self.folder / _FILES["flow"], files)

    def steer(self, base: checkpoint.Model) -> None:
        """Critics and realism; writes the whole model."""
        torch.set_flush_denormal(True)
        parts = {**checkpoint.load_networks(self.folder / _FILES["writer"])[0], **checkpoint.load_networks(self.folder / _FILES["flow"])[0]}
        parts["bars"].precision = precision_of("auto")
        pieces = Pieces(parts["bars"], parts["flow"], self.data.plans(), self.data.mode_frequencies())
        usual = DrawOptions(end=pieces.flow.config.noise_level)
        banks, drawn = [], []
        for i, ((meter, bars), n) in enumerate(self.recipe.banks.items()):
            self.talk(f"steer: {n} pieces of {bars} bars in {meter}")
            banks.append(piece_critics.drawn_bank(pieces, self.data, meter, bars, n // 2, usual, seed=1)[0])
            banks.append(piece_critics.real_bank(pieces, self.data, (9, i), 4096, usual))
            drawn.append(piece_critics.drawn_bank(pieces, self.data, meter, bars, n, usual))
        for rule in RULES.values():
            if rule.critic is None and not rule.fixed and not rule.judged and rule.parts is None:
                base.piece_critics[rule.name] = piece_critics.fit_piece_critic(banks, rule, pieces.bars.config.latent, self.recipe.critics)
                self.talk(f"steer: critic of {rule.name}")
        realism = piece_critics.fit_piece_realism(pieces, drawn, self.recipe.realism)
        held_out = [self.held_out.windows(meter, bars, 100, 5) for meter, bars in self.recipe.banks if bars == 16 and meter in ("4/4", "3/4", "6/8")]
        piece_critics.measure_piece_realism(realism, pieces, [(batch.tokens, batch.context) for batch in held_out])
        base.pieces = replace(pieces, realism=realism)
        base.bank = base.bank.first(BANK) if base.bank is not None else None
        base.name, base.notes = self.recipe.name, {**base.notes, "pieces": self._notes()}
        checkpoint.save_model(base, self.folder / _FILES["steer"])

    def _notes(self) -> dict[str, Any]:
        r = self.recipe
        fits = {f"bars phase {i}": asdict(o) for i, o in enumerate(r.bars, start=1)} | {"writer": asdict(r.writer), "flow": asdict(r.flow)}
        return {**fits, "critics": asdict(r.critics), "realism": asdict(r.realism), "windows": {f"{m} {b}": n for (m, b), n in r.banks.items()}}

    def _stage(self, name: str) -> tuple[BarVAE, PieceFlow]:
        parts = checkpoint.load_networks(self.folder / _FILES[name])[0]
        return parts["bars"], parts["flow"]

    def _fit(self, name: str, options: FitOptions) -> tuple[FitFiles, Trainer]:
        configs = {"bars": asdict(self.recipe.bar_config), "flow": asdict(self.recipe.flow_config)}
        files = FitFiles(self.folder, name, {"config": configs, "options": asdict(options)}, self.talk)
        return files, Trainer(self.engine, files.resume(), files.on_step if self.engine.is_global_zero else None)

    def _keep(self, parts: dict[str, Any], path: Path, files: FitFiles | None = None) -> None:
        if self.engine.is_global_zero:
            checkpoint.save_networks(parts, {}, path)
            if files:
                files.finish()
        self.engine.barrier()
