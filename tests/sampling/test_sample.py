from collections import Counter

import numpy as np
import pytest
import torch

from musiclc import rules
from musiclc.errors import CheckpointError, UsageError
from musiclc.latent import search
from musiclc.model import decode as decoding
from musiclc.model import methods
from musiclc.music import tokens as tok
from musiclc.music.melody import Melody, Note
from musiclc.rules import RULES, parse_constraint
from musiclc.sampling import rounds
from musiclc.sampling import sample as sampling
from musiclc.sampling.request import METHODS
from tests.helpers import c_major_scale, tiny_model


@pytest.fixture(scope="module")
def model():
    return tiny_model()


def melodies(model, n, **options):
    wishes = options.pop("wishes", {"density": ">=1"})
    return [(d.index, d.melody, d.attempts) for d in sampling.sample(model, wishes, n, sampling.SampleOptions(bars=4, attempts=3, **options))]


def test_an_item_depends_on_seed_and_index_alone(model):
    many = melodies(model, 70, seed=5, wishes={"density": "6"})
    assert [i for i, _, _ in many] == list(range(1, 71))
    for n in (1, 2, 33):
        assert melodies(model, n, seed=5, wishes={"density": "6"}) == many[:n]
    assert melodies(model, 2, seed=6, wishes={"density": "6"}) != many[:2]


@pytest.mark.parametrize("method", methods.SEARCHES)
def test_a_row_of_a_chunk_does_not_depend_on_its_place_or_its_neighbours(model, method):
    """What the promise above rests on, bit for bit."""
    torch.manual_seed(1)
    n = decoding.CHUNK
    problem = methods.SampleProblem(model, [parse_constraint("key", "C"), parse_constraint("density", "6")], model.critics, "4/4")
    noise, times = torch.randn(n, model.vae.dimensions), torch.ones(n)
    transpositions = [i % 12 - 6 for i in range(n)]

    def run(order):
        generators = [torch.Generator().manual_seed(int(i)) for i in order]
        start = methods.Start(noise[order], times[order], [transpositions[i] for i in order], generators)
        return methods.points(problem, start, method)[0]

    order = torch.randperm(n)
    assert torch.equal(run(order), run(torch.arange(n))[order])


def test_unmet_goals_are_drawn_again_and_the_best_is_delivered(model, monkeypatch):
    asked = []

    def start(self, now, best):
        asked.append(now)
        return methods.Start(torch.zeros(decoding.CHUNK, 16), torch.ones(decoding.CHUNK), [0] * decoding.CHUNK), bool(best)

    def decode(model, x, noise_level, meter, transpositions):
        # attempt k of every item holds k notes in C and, in its first bar, one outside until the third attempt
        rows = [Melody((Note(0, 60 if attempt >= 3 else 61, 1), *(Note(4 * i, 60, 1) for i in range(1, attempt + 1)))) for _, attempt in asked[-1]]
        return tok.from_melodies(rows + [Melody(())] * (decoding.CHUNK - len(rows)))

    monkeypatch.setattr(rounds.Rounds, "_start", start)
    monkeypatch.setattr(methods, "points", lambda problem, start, method: (start.x, 0.5))
    monkeypatch.setattr(rounds, "decode", decode)
    draws = list(sampling.sample(model, {"scale": "C"}, 2, sampling.SampleOptions(bars=4, attempts=5, candidates=1, realism=0)))
    assert [(d.satisfied, d.attempts, len(d.melody.notes)) for d in draws] == [(True, 3, 4)] * 2
    draws = list(sampling.sample(model, {"scale": "C"}, 1, sampling.SampleOptions(bars=4, attempts=2, realism=0)))
    assert [(d.satisfied, d.attempts, d.method) for d in draws] == [(True, 2, "guided+edit")]
    assert "edited" in draws[0].warnings[0]
    monkeypatch.setattr(sampling, "edited", lambda model, constraints, tokens, meter: (tokens, False))
    draws = list(sampling.sample(model, {"scale": "C"}, 1, sampling.SampleOptions(bars=4, attempts=2, realism=0)))
    assert [(d.satisfied, d.attempts, d.verdicts[0]["value"]) for d in draws] == [(False, 2, pytest.approx(2 / 3, abs=1e-6))]
    assert "not met" in draws[0].warnings[0]


def test_an_edit_grants_keys_and_counts_and_leaves_all_else_alone(model):
    tokens = tok.from_melody(c_major_scale())  # 8 notes a bar
    wish = [parse_constraint("scale", "G"), parse_constraint("density", "10")]
    edited, changed = sampling.edited(model, wish, tokens, "4/4")
    assert changed
    assert [float(c.score(c.rule.measure(edited[None], "4/4"))[0]) for c in wish] == [1, 1]
    missed = [*wish, parse_constraint("span", "3")]  # neither masks nor counts grant that
    for asked, as_it_is in ((missed, tokens), (wish[:0], tokens), (wish, tok.from_melody(Melody(())))):
        edited, changed = sampling.edited(model, asked, as_it_is, "4/4")
        assert edited is as_it_is
        assert not changed


def test_stragglers_have_more_draws_a_round_and_no_more_in_all_than_asked_for(model):
    of = rounds.Rounds(None, sampling.SampleOptions(bars=4, candidates=2, attempts=40), [0])._next
    drawn = [0]
    while drawn[-1] < 40:
        drawn.append(drawn[-1] + of(drawn[-1]))
    assert drawn == [0, 1, 3, 5, 7, 9, 13, 17, 23, 29, 37, 40]
    many = sampling.SampleOptions(bars=4, candidates=300, attempts=301, realism=1)  # rounds that no chunk holds
    assert [d.attempts for d in sampling.sample(model, {"density": "6"}, 2, many)] == [301, 301]


def test_repair_moves_the_last_few_notes_and_says_so(model):
    notes = list(c_major_scale().notes)
    notes[5] = Note(notes[5].start, 70, 2)  # one note of 32 outside C major
    constraint = parse_constraint("scale", "C")
    before = tok.from_melody(Melody(tuple(notes)))
    tokens, moved = sampling._repaired(before, [constraint])
    assert moved == 1
    assert constraint.score(constraint.rule.measure(tokens[None], "4/4"))[0] == 1
    assert (tokens != before).sum() == 1
    far_off = tok.from_melody(c_major_scale().transpose(1))
    assert sampling._repaired(far_off, [constraint])[1] == 0


def test_without_constraints_nothing_is_drawn_twice(model):
    assert {a for _, _, a in melodies(model, 5, wishes={}, candidates=1, realism=0)} == {1}
    assert {a for _, _, a in melodies(model, 5, wishes={}, candidates=3, realism=0)} == {1}


def test_of_candidates_that_meet_the_wish_the_likeliest_is_delivered(model, monkeypatch):
    def drawn_now(self, now, best):
        row = tok.from_melody(Melody((Note(0, 60, 1),)))
        # attempt 1 misses the wish though it is likeliest; 2 meets it; 3 meets it and is likelier
        return [rounds.Candidate(i, a, np.roll(row, a), np.array([0.5 if a == 1 else 1.0]), np.inf, None, 0) for i, a in now]

    def nll_per_note(model, tokens, meter):
        attempts = [int(np.flatnonzero(tok.onsets(row))[0]) for row in tokens]  # the step at which the one note begins
        priced.extend(attempts)
        return np.array([{1: 0.1, 2: 0.9, 3: 0.5}[a] for a in attempts])

    priced = []
    monkeypatch.setattr(rounds.Rounds, "_drawn", drawn_now)
    monkeypatch.setattr(rounds, "nll_per_note", nll_per_note)
    monkeypatch.setattr(model.prior, "nll_of", lambda realism: 0.0)
    draws = list(sampling.sample(model, {"density": "0.25"}, 40, sampling.SampleOptions(bars=4, candidates=2, attempts=3, realism=1)))
    assert {(d.melody.notes[0].start, d.attempts) for d in draws} == {(3, 3)}
    assert [d.index for d in draws] == list(range(1, 41))
    assert Counter(priced) == {2: 40, 3: 40}  # nobody asks what a melody costs that misses the wish while another meets it
    draws = list(sampling.sample(model, {"density": "0.25"}, 3, sampling.SampleOptions(bars=4, candidates=2, attempts=2, realism=1)))
    assert {(d.melody.notes[0].start, d.attempts) for d in draws} == {(2, 2)}  # no more attempts than asked for
    # where 0.9 nats a note are likely enough, nobody looks further
    monkeypatch.setattr(model.prior, "nll_of", lambda realism: 0.95)
    draws = list(sampling.sample(model, {"density": "0.25"}, 3, sampling.SampleOptions(bars=4, candidates=1, attempts=3)))
    assert {(d.melody.notes[0].start, d.attempts) for d in draws} == {(2, 2)}


@pytest.mark.parametrize("method", METHODS)
def test_every_method_samples_every_meter(model, method):
    for meter, steps in (("4/4", 64), ("3/4", 48), ("6/8", 48)):
        draws = list(sampling.sample(model, {"key": "C"}, 2, sampling.SampleOptions(bars=4, meter=meter, method=method, attempts=1)))
        assert [(d.melody.meter, d.melody.steps, d.method.split("+")[0]) for d in draws] == [(meter, steps, method)] * 2
        assert all(0 <= d.realism <= 1 for d in draws)


@pytest.mark.parametrize(
    "options",
    [
        {"meter": "5/4"},
        {"bars": 129},
        {"bars": -1},
        {"bars": 16, "form": "A8 B4"},
        {"form": "A8 ?"},
        {"method": "magic"},
        {"temperature": 0},
        {"seed": -1},
    ],
)
def test_bad_options_say_what_was_wanted(options):
    with pytest.raises(UsageError):
        sampling.SampleOptions(**options)


def test_impossible_wishes_and_missing_parts_are_refused_before_any_work(model):
    with pytest.raises(UsageError, match="cannot be met"):
        sampling.sample(model, {"density": "40"})
    bare = tiny_model()
    bare.critics = {}
    with pytest.raises(CheckpointError, match="no critic for scale"):
        sampling.sample(bare, {"key": "C"}, options=sampling.SampleOptions(bars=4))
    bare.prior = None
    with pytest.raises(CheckpointError, match="no prior"):
        sampling.sample(bare, options=sampling.SampleOptions(bars=4))


def test_the_methods_named_are_those_there_are():
    assert set(METHODS) == {"normal", *methods.SEARCHES}
    assert {m.name for m in METHODS.values() if m.critics} < set(methods.SEARCHES)


def test_the_paper_s_realism_critic_can_stand_in_for_the_flow(model):
    problem = methods.SampleProblem(model, [parse_constraint("density", "6")], model.critics, "4/4", realism="critic")
    start = methods.Start(torch.randn(8, 16), torch.ones(8), [0] * 8, [torch.Generator().manual_seed(i) for i in range(8)])
    by_critic = methods.points(problem, start, "gradient")[0]
    assert torch.isfinite(by_critic).all()
    assert not torch.equal(by_critic, methods.points(methods.SampleProblem(model, problem.constraints, model.critics, "4/4"), start, "gradient")[0])


def test_the_actor_reads_goals_moved_home(model):
    def asked(transposition, **wishes):
        problem = methods.SampleProblem(model, [parse_constraint(k, v) for k, v in wishes.items()], model.critics, "4/4")
        return methods.asked(problem, [transposition])

    assert torch.equal(asked(2, key="D"), asked(0, key="C"))
    assert not torch.equal(asked(0, key="D"), asked(0, key="C"))
    assert asked(0).abs().sum() == 0
    assert not torch.equal(asked(0, density=">=2"), asked(0, density="2"))


def test_guide_options_reach_the_search(model, monkeypatch):
    seen = []
    real = search.guided
    monkeypatch.setattr(search, "guided", lambda x, t, v, o, options: (seen.append((o, options)), real(x, t, v, o, options))[1])
    melodies(model, 1, strength=3.0)
    assert seen[0][0] is not None
    assert seen[0][1].strength == 3.0


def test_score_gives_every_rule_or_the_verdicts():
    found = {r["rule"]: r["value"] for r in rules.score(c_major_scale())}
    assert list(found) == list(RULES)
    assert (found["scale"], found["key"], found["tonic"]) == ("C major", 1.0, "C")
    assert (found["scale"], found["density"], found["range"], found["span"]) == ("C major", 8.0, [60, 72], 12)
    (verdict,) = rules.score(c_major_scale(), {"key": "G"})
    assert (verdict["value"], verdict["satisfied"]) == (0.875, False)


def test_a_degree_is_that_of_the_wished_key():
    verdicts = rules.score(c_major_scale(), {"key": "F", "start": "5"})
    assert (verdicts[1]["value"], verdicts[1]["satisfied"]) == ("C", True)
