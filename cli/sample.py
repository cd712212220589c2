"""musiclc sample: new melodies under constraints, as MIDI files with a manifest."""

import secrets
import sys
from typing import Any

import click

from musiclc.cli._options import constraint_options, dump, goal_fields, json_option, model_option, progress_meter, quiet_option, talker
from musiclc.errors import UsageError
from musiclc.music.theory import METER_NAMES
from musiclc.sampling.sample import METHODS


@click.command()
@constraint_options
@click.option("-n", "count", type=click.IntRange(1), default=1, show_default=True, help="How many melodies.")
@click.option("-o", "--output", help="FILE.mid for one, a folder for many, - for standard output; the current folder when absent.")
@click.option("--bars", type=int, default=4, show_default=True)
@click.option("--meter", type=click.Choice(METER_NAMES), default="4/4", show_default=True)
@click.option("--bpm", type=click.FloatRange(4, 1000), default=120.0, show_default=True, help="Quarter notes a minute.")
@click.option("--program", type=click.IntRange(0, 127), default=0, show_default=True, help="General MIDI program.")
@click.option("--seed", type=click.IntRange(0), help="Drawn and reported when absent.")
@click.option("--method", type=click.Choice(METHODS), default="auto", show_default=True)
@click.option("--temperature", type=float, default=1.0, show_default=True, help="Above: more adventurous; below: more usual.")
@click.option(
    "--realism", type=click.FloatRange(0, 1), default=0.2, show_default=True, help="Sample on until this share of real phrases is less likely."
)
@click.option(
    "--name", "pattern", default="{stem}-{seed}-{index}.mid", show_default=True, help="File names; fields: stem, seed, index and the rules' names."
)
@click.option("--midi-type", type=click.Choice(["0", "1"]), default="1", show_default=True)
@click.option("--strict", is_flag=True, help="Exit 3 when some file misses a constraint.")
@click.option("--overwrite", is_flag=True, help="Replace files that exist.")
@model_option
@json_option
@quiet_option
def command(
    constraints: list, count: int, output: str | None, seed: int | None, model: str | None, strict: bool, as_json: bool, quiet: bool, **rest: Any
) -> None:
    """Write new melodies that meet the constraints.

    \b
    musiclc sample --key C
    musiclc sample --key "A minor" --density ">=9" --range C4..C6 -n 200 -o out --seed 7
    """
    from musiclc.model import checkpoint
    from musiclc.output import manifest
    from musiclc.sampling import sample as sampling

    talk = talker(quiet)
    drawn = seed is None
    seed = secrets.randbelow(10**7) if seed is None else seed
    try:
        options = sampling.SampleOptions(
            meter=rest["meter"], bars=rest["bars"], seed=seed, method=rest["method"], temperature=rest["temperature"], realism=rest["realism"]
        )
        for constraint in constraints:
            constraint.rule.check(constraint.goal, options.meter)
        fields = {"stem": "melody", "seed": str(seed), **goal_fields(constraints)}
        files = manifest.Files(output, count, rest["pattern"], fields, rest["overwrite"])
        style = manifest.MidiOptions(rest["bpm"], rest["program"], int(rest["midi_type"]))
    except UsageError as error:
        raise click.UsageError(str(error)) from error
    if drawn:
        talk(f"seed {seed}")
    loaded = checkpoint.load(model)
    draws = sampling.sample(loaded, constraints, count, options)
    progress = progress_meter(quiet)
    missed = []
    for entry in sampling.write_draws(draws, files, style, loaded.name, options):
        if as_json:
            click.echo(dump(entry))
        elif not files.to_stdout:
            click.echo(files.path_of(entry))
        progress(entry["index"], count, "sample")
        if not entry["satisfied"]:
            missed.append(entry)
    if missed:
        worst = min(missed, key=lambda e: sum(c["score"] for c in e["constraints"]))
        talk(f"musiclc: {len(missed)} of {count} miss a constraint; the worst is {worst['file']}: {'; '.join(worst['warnings'])}")
        if strict:
            sys.exit(3)
