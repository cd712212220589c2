"""musiclc sample: new melodies under constraints, as MIDI files with a manifest."""

from typing import TYPE_CHECKING, Any

import click

from musiclc.cli._options import constraint_options, name_option, output_option, run_options, section_option
from musiclc.cli._writer import deliver
from musiclc.music.form import MOST_BARS
from musiclc.music.theory import METER_NAMES
from musiclc.sampling.request import METHOD_NAMES, PIECE_BARS, SampleRequest

if TYPE_CHECKING:
    from musiclc.cli._writer import Made, Told

OPTIONS, MIDI = SampleRequest.options, SampleRequest.midi  # the defaults


@click.command()
@constraint_options
@click.option("-n", type=click.IntRange(1), default=SampleRequest.n, show_default=True, help="How many melodies.")
@output_option
@click.option("--bars", type=click.IntRange(1, MOST_BARS), show_default=f"as many as --form has, or {PIECE_BARS}", help="How long; 4 is a phrase.")
@click.option("--form", metavar="\"A8 A'8 B8 A'8\"", help="Sections with their bars: a letter returns as it was, with ' it returns varied.")
@section_option
@click.option("--meter", type=click.Choice(METER_NAMES), default=OPTIONS.meter, show_default=True)
@click.option("--bpm", type=click.FloatRange(4, 1000), default=MIDI.bpm, show_default=True, help="Quarter notes a minute.")
@click.option("--program", type=click.IntRange(0, 127), default=MIDI.program, show_default=True, help="General MIDI program.")
@click.option("--method", type=click.Choice(METHOD_NAMES), default=OPTIONS.method, show_default=True)
@click.option("--temperature", type=float, default=OPTIONS.temperature, show_default=True, help="Above: more adventurous; below: more usual.")
@click.option(
    "--realism",
    type=click.FloatRange(0, 1),
    default=OPTIONS.realism,
    show_default=True,
    help="Draw on until this share of real phrases is less likely.",
)
@name_option(SampleRequest.pattern)
@click.option("--midi-type", type=click.Choice(["0", "1"]), default=str(MIDI.midi_type), show_default=True)
@run_options
def command(**values: Any) -> None:
    """Write new melodies that meet the constraints.

    \b
    musiclc sample --key C
    musiclc sample --key "A minor" --density ">=9" --range C4..C6 -n 200 -o out --seed 7
    musiclc sample --key "D dorian" --form "A8 A'8 B8 A'8" --section "B: density=8, register=high" -n 8 -o tunes
    """
    deliver(values, SampleRequest.of, _run)


def _run(request: SampleRequest, failed: "Told") -> "Made":
    from musiclc.sampling import sample

    return sample.run(request)
