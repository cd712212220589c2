"""What several tests share: a few melodies worked by hand, and small untrained networks."""

import sys

from musiclc.music.melody import Melody, Note


def c_major_scale() -> Melody:
    """C4 to C5 and back in eighths: four bars, eight notes a bar."""
    up = [60, 62, 64, 65, 67, 69, 71, 72]
    pitches = (up + up[::-1]) * 2
    return Melody(tuple(Note(2 * i, p, 2) for i, p in enumerate(pitches)), "4/4", 4)


def jig() -> Melody:
    """Four bars of 6/8 in D: dotted quarters and eighths, with a rest at the end."""
    bar = [(0, 62, 4), (4, 64, 2), (6, 66, 6)]
    return Melody(tuple(Note(12 * b + s, p, d) for b in range(4) for s, p, d in bar)[:-1], "6/8", 4)


def tiny_model(name: str = "tiny"):
    """An untrained model with all its parts, small enough for any test."""
    import torch

    from musiclc.latent.critics import Critic, CriticConfig, Realism
    from musiclc.latent.fitting import Actor
    from musiclc.model.bank import decoded
    from musiclc.model.checkpoint import Model
    from musiclc.model.prior import FlowPrior, PriorConfig
    from musiclc.model.vae import MelodyVAE, VAEConfig
    from musiclc.rules import RULES

    torch.manual_seed(0)
    vae = MelodyVAE(VAEConfig(latent=4, width=16, heads=2, embedding=8, step_width=8, recurrent=16)).eval()
    prior = FlowPrior(PriorConfig(latent=4, width=16, heads=2, layers=1)).eval()
    torch.nn.init.normal_(prior.out.weight, std=0.3)
    critics = {r.name: Critic(CriticConfig(16, len(r.measures), r.family, 3, width=16, layers=2)).eval() for r in RULES.values() if not r.parts}
    features = sum(1 + 2 * len(r.measures) for r in RULES.values() if not r.parts)
    actor = Actor(16, features, 3, width=16, layers=2).eval().requires_grad_(False)
    bank = decoded(vae, prior, torch.randn(120, 16), torch.arange(120) % 3)
    return Model(name, vae, prior, critics, realism=Realism(16, 3, width=16, layers=2).eval(), actor=actor, bank=bank)


def work(function) -> int:
    """How many bytecodes a call runs: time as no clock tells it, the same on a busy machine. What C code does counts as one."""
    count = 0

    def trace(frame, event, argument):
        nonlocal count
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        count += event == "opcode"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        function()
    finally:
        sys.settrace(before)
    return count


def tiny_pieces():
    """Small networks of whole pieces that were never fitted, none of their weights zero, and plans of three tunes in every meter."""
    import numpy as np
    import torch

    from musiclc.latent.descent import seeded
    from musiclc.model.bars import BarConfig, BarVAE
    from musiclc.model.flow import FlowConfig, PieceFlow
    from musiclc.model.pieces import Pieces
    from musiclc.model.returns import Plans
    from musiclc.music.theory import METERS

    with seeded(3):
        bars, flow = BarVAE(BarConfig(8, 16, 2, 8, 8, 16)), PieceFlow(FlowConfig(8, 16, 2, 2, 16))
        for parameter in flow.parameters():
            torch.nn.init.normal_(parameter, std=0.2)
        for parameter in bars.recall.parameters():
            torch.nn.init.normal_(parameter, std=0.2)
        for block in bars.memory:
            torch.nn.init.normal_(block.attention.distance.weight)
    tunes = [(meter, np.arange(b * s).reshape(b, s) % 80 + 2) for meter, s in enumerate(METERS.values()) for b in (4, 8, 16)]
    return Pieces(bars.eval().requires_grad_(False), flow.eval().requires_grad_(False), Plans.of(tunes), np.full((7, 9), 1 / 9))
