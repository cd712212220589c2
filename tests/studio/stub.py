"""Takes in no time: what the studio's thread calls in place of the networks. The same plan and seed give the same bytes."""

import random
import time

from musiclc.midi import read_melody, to_bytes
from musiclc.music.melody import Melody, Note
from musiclc.studio.making import MadeTake

SCALE = (60, 62, 64, 65, 67, 69, 71, 72, 74, 76)


def tune(seed: int, bars: int = 16, meter: str = "4/4") -> Melody:
    """Eighths and quarters up and down the scale of C, none over a bar line: bars of two tunes fit together."""
    luck, notes, step, place = random.Random(seed), [], 0, 4
    while step < bars * 16:
        length = luck.choice((2, 2, 4))
        place = min(max(place + luck.choice((-2, -1, -1, 1, 1, 2)), 0), len(SCALE) - 1)
        length = min(length, 16 - step % 16)
        notes.append(Note(step, SCALE[place], length))
        step += length
    return Melody(tuple(notes), meter, bars)


def entry(plan, seed, melody):
    goals = [{"rule": r, "goal": g, "value": 1.0, "score": 1.0, "satisfied": True, "weight": 1.0} for r, g in plan.steps[0].goals.items()]
    bars = plan.steps[-1].values.get("bars", melody.bars)
    form = {"form": plan.steps[0].values["form"]} if "form" in plan.steps[0].values else {}
    return {"command": plan.verb, "seed": seed, "bars": bars, **form, "constraints": goals, "satisfied": True, "realism": 0.5, "warnings": []}


def maker(seconds: float = 0.0, beat=lambda: None):
    """A stand-in for making.made that takes so long a take, and beats meanwhile."""

    def made(plan, model, seeds, alone=False):
        for seed in seeds:
            for _ in range(max(int(seconds / 0.01), 1)):
                time.sleep(0.01 if seconds else 0)
                beat()
            melody = _changed(plan, seed)
            yield MadeTake(to_bytes(melody, bpm=120), entry(plan, seed, melody), plan, seed)
            if alone:
                return

    return made


def _changed(plan, seed):
    if not plan.takes:
        return tune(seed, int(plan.steps[0].values.get("bars", 16)))
    old = read_melody(plan.takes[0].data)
    if plan.verb == "continue":
        return tune(seed, old.bars + int(plan.steps[0].values["bars"]))
    new, notes = tune(seed, old.bars), list(old.notes)
    for step in plan.steps:
        first, _, last = step.values.get("bars", f"1..{old.bars}").partition("..")
        low, high = (int(first) - 1) * 16, int(last or first) * 16
        notes = [n for n in notes if not low <= n.start < high] + [n for n in new.notes if low <= n.start < high]
    return Melody(tuple(sorted(notes, key=lambda n: n.start)), old.meter, old.bars)
