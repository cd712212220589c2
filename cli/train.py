"""musiclc train: vae, prior, critics, or all three; and the networks of whole pieces on top."""

from pathlib import Path
from typing import Any

import click

from musiclc.cli._options import quiet_option, talker

STAGES = ("vae", "prior", "critics", "all")
BANK = 40000
PIECE_STAGES = ("bars", "writer", "flow", "steer", "pieces")


@click.command()
@click.argument("stage", type=click.Choice(STAGES + PIECE_STAGES))
@click.option(
    "--data", type=click.Path(path_type=Path), required=True, help="The dataset of musiclc prepare; for the stages of whole pieces that of --tunes."
)
@click.option("--model", type=click.Path(path_type=Path), help="The four-bar model that whole pieces are added to.  [default: the shipped one]")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="Folder of the run; a stopped run goes on there.")
@click.option("--name", default="melodies-v1", show_default=True, help="The model's name, for manifests.")
@click.option("--steps", type=click.IntRange(1), help="Optimiser steps; each stage has its own default.")
@click.option("--batch", type=click.IntRange(1), help="Windows or points a step.")
@click.option("--beta", type=click.FloatRange(0), help="Weight of the VAE's KL term.")
@click.option("--latent", type=click.IntRange(1), help="Latent dimensions a bar.")
@click.option(
    "--bank",
    type=click.IntRange(1000),
    default=BANK,
    show_default=True,
    help="Decoded points that critics learn from; for whole pieces as many times as many windows.",
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--precision", default="bf16-mixed", show_default=True, help="As Lightning Fabric names it.")
@click.option("--devices", default="auto", show_default=True)
@click.option("--nodes", type=click.IntRange(1), default=1, show_default=True)
@quiet_option
def command(stage: str, data: Path, output: Path, model: Path | None, quiet: bool, **given: Any) -> None:
    """Train a STAGE of a model: its vae, the prior on its latent space, the critics of the rules, or all of them in turn.

    Whole pieces: bars, then writer and flow, which may run side by side, then steer; or pieces, all of them in turn.

    \b
    musiclc prepare -o data.safetensors
    musiclc train all --data data.safetensors -o run
    musiclc sample --model run/model.safetensors --key C --bars 4
    musiclc prepare --tunes -o tunes.safetensors
    musiclc train pieces --data tunes.safetensors --model run/model.safetensors -o run
    """
    machine = given.pop("precision"), given.pop("devices"), given.pop("nodes")
    name, bank = given.pop("name"), given.pop("bank")
    changes = {k: v for k, v in given.items() if v is not None}
    if stage in PIECE_STAGES:
        from musiclc.training import tunes
        from musiclc.training.piece_recipe import PieceRecipe

        pieces = PieceRecipe.default(name, banks=bank / BANK, **changes)
        click.echo(pieces.train(stage, tunes.load(data), model, output, machine, talker(quiet)))
        return
    from musiclc.training import corpus
    from musiclc.training.recipe import FILES, Recipe

    recipe = Recipe.default(name, bank, **changes)
    recipe.train(stage, corpus.load(data), output, machine, talker(quiet))
    click.echo(output / FILES[STAGES.index(stage) if stage != "all" else 2])
