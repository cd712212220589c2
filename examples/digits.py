"""Latent constraints without music: ask a small VAE of 8×8 digits for a digit, and turn one digit into another.

    python examples/digits.py -o digits.png

needs scikit-learn and matplotlib, and about a minute. The VAE is trained first and never sees a label. Only then is it taught
what a digit is: a rule looks at decoded images, a critic learns to foretell the rule from latent points, and the search methods of
musiclc.latent serve as they are. The split is by image: one half of the training images lend their labels to the rule, the
other half to an independent judge that only counts, and the test images are edited and compared with, but teach nothing.

Inside, top to bottom: `Options`, `Split`, `VAE`, `Rule`, `Guides`, the methods to `generate` and to `edit`, the table, the picture.
"""

import argparse
import math
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure, SubFigure
from sklearn.datasets import load_digits
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC
from torch import Tensor, nn

from musiclc.latent import search
from musiclc.latent.critics import Bounds, Critic, Realism, Term, bounds, combine
from musiclc.latent.descent import seeded
from musiclc.latent.fitting import Actor, Ask, Points, SmallFit, descend, fit_actor, fit_critic, fit_realism
from musiclc.latent.search import ClimbOptions, LangevinOptions, Objective
from musiclc.rules.goals import Goal

CLASSES, SIDE, DIMENSIONS = 10, 8, 16
SIGMA = 0.1  # of the decoder's normal, on pixels in [0, 1]: small, for reconstruction rather than prior samples
INPUT_NOISE = 0.1  # standard deviation, added to what the encoder sees in training
REALISM = 0.5  # weight of realism beside the digit
SURE, REAL = math.log(0.9), math.log(0.3)  # log probabilities of the digit and of being real at which an edit stops
DISTANCE = 0.5  # weight of the distance in an edit


@dataclass(frozen=True)
class Options:
    """Steps of each fit and of each climb, and how many images of each digit to draw."""

    vae: int = 1200
    critic: int = 500
    realism: int = 300
    actor: int = 600
    climb: int = 60
    each: int = 40
    seed: int = 0


QUICK = Options(vae=250, critic=100, realism=25, actor=250, climb=30, each=10)


@dataclass(frozen=True)
class Split:
    """Images (N, 64) with pixels in [0, 1], and their digits (N,). labelled, judged: rows whose labels teach the rule and the
    judge; together they teach the VAE. test: rows that teach nothing.
    """

    images: Tensor
    digits: Tensor
    labelled: Tensor
    judged: Tensor
    test: Tensor

    @property
    def train(self) -> Tensor:
        """Rows of all training images."""
        return torch.cat([self.labelled, self.judged])


def split(seed: int) -> Split:
    """scikit-learn's 1797 digits, a fifth of them for testing."""
    data = load_digits()
    rows = torch.randperm(len(data.target), generator=generator(seed))
    fifth = len(rows) // 5
    test, train = rows[:fifth], rows[fifth:]
    return Split(torch.tensor(data.data / 16, dtype=torch.float32), torch.tensor(data.target), train[::2], train[1::2], test)


def generator(*key: int) -> torch.Generator:
    """Random numbers of their own for each key."""
    return torch.Generator().manual_seed(int(np.random.SeedSequence(key).generate_state(1)[0]))


def normal(n: int, *key: int) -> Tensor:
    """Points (n, d) from N(0, I)."""
    return torch.randn(n, DIMENSIONS, generator=generator(*key))


def still(z: Tensor) -> tuple[Tensor, Tensor]:
    """Time 0 and condition 0 for each point: digits know neither noise nor meters."""
    return torch.zeros(len(z)), torch.zeros(len(z), dtype=torch.long)


class VAE(nn.Module):
    """Images (n, 64) ↔ latent points (n, d), d = 16."""

    def __init__(self, width: int = 256):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(SIDE**2, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, 2 * DIMENSIONS))
        self.decoder = nn.Sequential(
            nn.Linear(DIMENSIONS, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, SIDE**2), nn.Sigmoid()
        )

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation of q(z|x), each (n, d)."""
        mean, spread = self.encoder(images).chunk(2, dim=1)
        return mean, F.softplus(spread) + 1e-3

    def decode(self, z: Tensor) -> Tensor:
        """Images (n, 64)."""
        return self.decoder(z)

    def loss(self, images: Tensor, rng: torch.Generator) -> Tensor:
        """The negative evidence bound, up to a constant."""
        mean, std = self.encode(images + INPUT_NOISE * torch.randn(images.shape, generator=rng))
        z = mean + std * torch.randn(mean.shape, generator=rng)
        error = ((self.decode(z) - images) ** 2).sum(1) / (2 * SIGMA**2)
        return (error + (0.5 * (mean**2 + std**2 - 1) - std.log()).sum(1)).mean()


def fit_vae(data: Split, options: Options) -> VAE:
    """Trained on images alone."""
    with seeded(options.seed):
        vae, images = VAE(), data.images[data.train]

    def loss(step: int, rng: torch.Generator) -> Tensor:
        return vae.loss(images[torch.randint(len(images), (256,), generator=rng)], rng)

    descend(vae, loss, SmallFit(steps=options.vae, seed=options.seed))
    return vae


class Rule:
    """The rule, known only after the VAE: what the five nearest labelled images say an image is."""

    def __init__(self, data: Split):
        self.neighbours = KNeighborsClassifier(5).fit(data.images[data.labelled], data.digits[data.labelled])

    def measure(self, images: Tensor) -> Tensor:
        """(n, 20): the share of votes for each digit, then the share against each."""
        votes = torch.tensor(self.neighbours.predict_proba(images.numpy()), dtype=torch.float32)
        return torch.cat([votes, 1 - votes], dim=1)


def goals(digits: Tensor) -> Bounds:
    """For each row the goal "surely this digit": no vote for another, none against it.

    The second half seems idle, but the first alone would also be met where the critic foretells no digit at all.
    """
    each = []
    for digit in range(CLASSES):
        votes = [math.inf if c == digit else 0.0 for c in range(CLASSES)]
        against = [0.0 if c == digit else math.inf for c in range(CLASSES)]
        each.append(Goal(str(digit), (-math.inf,) * 2 * CLASSES, (*votes, *against)))
    table = bounds(each)
    return Bounds(table.low[digits], table.high[digits])


@dataclass(frozen=True)
class Guides:
    """What a search is guided by, all of it functions of latent points."""

    critic: Critic
    realism: Realism

    def is_digit(self, digits: Tensor, weight: float = 1.0) -> Objective:
        """Log probability that point i decodes to digits[i], times the weight."""
        parts = [Term(self.critic, goals(digits), weight)]
        return lambda z: combine(parts, *still(z))(z)

    def log_real(self, z: Tensor) -> Tensor:
        """Log probability that a point is the encoding of a real image: (n,)."""
        return self.realism.log_real(*still(z))(z)

    def wanted(self, digits: Tensor) -> Objective:
        """What to climb: the digit, and realism."""
        is_digit = self.is_digit(digits)
        return lambda z: is_digit(z) + REALISM * self.log_real(z)

    def posterior(self, digits: Tensor) -> Objective:
        """What to sample: the prior, once it is told that the point is real and, four times over, which digit it is."""
        is_digit = self.is_digit(digits, weight=4.0)
        return lambda z: is_digit(z) + self.log_real(z) - 0.5 * (z**2).sum(1)

    def good(self, digits: Tensor) -> Callable[[Tensor], Tensor]:
        """Whether a point may stop: bool (n,)."""
        is_digit = self.is_digit(digits)
        return lambda z: (is_digit(z) > SURE) & (self.log_real(z) > REAL)


def fit_guides(vae: VAE, rule: Rule, data: Split, options: Options) -> Guides:
    """Fitted twice: the second time also on on-policy points, where a climb along the first ones ends."""
    mean, std = (part.repeat(4, 1) for part in vae.encode(data.images[data.train]))
    real = mean + std * normal(len(mean), options.seed, 1)
    drawn = normal(2000, options.seed, 2)
    digits = torch.arange(len(drawn)) % CLASSES
    first = fit_once(vae, rule, Known(real, drawn, drawn), options)
    on_policy = search.gradient(drawn, first.wanted(digits), options=ClimbOptions(steps=options.climb))
    return fit_once(vae, rule, Known(real, drawn, on_policy), options)


@dataclass(frozen=True)
class Known:
    """Latent points to learn from, (n, d) each: encodings of real images, draws from N(0, I), and where a climb ends."""

    real: Tensor
    drawn: Tensor
    on_policy: Tensor


def fit_once(vae: VAE, rule: Rule, points: Known, options: Options) -> Guides:
    """A critic of the rule on all points, and one of realism that tells real points from the others."""
    known = torch.cat([points.real, points.drawn, points.on_policy])
    known = known[torch.randperm(len(known), generator=generator(options.seed, 3))]  # fit_critic holds out the first rows
    critic, _ = fit_critic(Points(known, still(known)[1]), rule.measure(vae.decode(known)), "bernoulli", small(options.critic, options))
    others = torch.cat([points.drawn, points.on_policy])

    def other(n: int, rng: torch.Generator) -> Tensor:
        return others[torch.randint(len(others), (n,), generator=rng)]

    return Guides(critic, fit_realism(Points(points.real, still(points.real)[1]), other, small(options.realism, options, batch=128)))


def small(steps: int, options: Options, batch: int = 256) -> SmallFit:
    """How the small networks are fitted; digits know no noisy points."""
    return SmallFit(steps=steps, batch=batch, noisy=False, seed=options.seed)


def fit_digit_actor(guides: Guides, options: Options) -> Actor:
    """An actor that takes draws from N(0, I) to any digit in one step."""
    with seeded(options.seed):
        actor = Actor(DIMENSIONS, CLASSES, width=256, layers=3)

    def draw(step: int, rng: torch.Generator) -> Ask:
        x = torch.randn(128, DIMENSIONS, generator=rng)
        digits = torch.randint(CLASSES, (len(x),), generator=rng)
        return Ask(x, F.one_hot(digits, CLASSES).float(), still(x)[1], guides.wanted(digits))

    fit_actor(actor, draw, small(options.actor, options), distance=2.0)
    return actor


def class_means(vae: VAE, data: Split) -> Tensor:
    """The mean encoding of each digit's labelled images: (10, d)."""
    mean, _ = vae.encode(data.images[data.labelled])
    return torch.stack([mean[data.digits[data.labelled] == digit].mean(0) for digit in range(CLASSES)])


def generate(vae: VAE, guides: Guides, actor: Actor, means: Tensor, digits: Tensor, options: Options) -> dict[str, Tensor]:
    """Images (n, 64) of the digits asked for, by each method, all from the same draws."""
    z, rng = normal(len(digits), options.seed, 4), generator(options.seed, 5)
    wanted = guides.wanted(digits)

    def noise() -> Tensor:
        return torch.randn(z.shape, generator=rng)

    points = {
        "prior": z,
        "vector": search.vector(z, means[digits] - means.mean(0), wanted),
        "actor": actor.act(z, F.one_hot(digits, CLASSES).float(), still(z)[1]),
        "gradient": search.gradient(z, wanted, options=ClimbOptions(steps=options.climb)),
        "langevin": search.langevin(z, guides.posterior(digits), noise=noise, options=LangevinOptions(steps=2 * options.climb, step=0.05)),
    }
    return {name: vae.decode(point) for name, point in points.items()}


def edit(vae: VAE, guides: Guides, images: Tensor, digits: Tensor, options: Options) -> Tensor:
    """Images (n, 64) made into the digits by a climb from their encodings that is penalised by distance and stops early."""
    z, _ = vae.encode(images)
    climb = ClimbOptions(steps=3 * options.climb, distance=DISTANCE)
    return vae.decode(search.gradient(z, guides.wanted(digits), options=climb, good=guides.good(digits)))


def edits(vae: VAE, guides: Guides, means: Tensor, data: Split, digits: Tensor, options: Options) -> dict[str, Tensor]:
    """The test images made into the digits, by each method; two of them know no latent space and take a training image instead."""
    images, z = data.images[data.test], vae.encode(data.images[data.test])[0]
    step = means[digits] - means[data.digits[data.test]]
    return {
        "decoded as it is": vae.decode(z),
        "any of the digit": replaced(digits, data, torch.rand(len(z), len(data.labelled), generator=generator(options.seed, 6))),
        "nearest of the digit": replaced(digits, data, torch.cdist(images, data.images[data.labelled])),
        "vector": vae.decode(search.vector(z, step, guides.wanted(digits))),
        "gradient": edit(vae, guides, images, digits, options),
    }


def replaced(digits: Tensor, data: Split, distance: Tensor) -> Tensor:
    """For each row the labelled image of its digit with the smallest distance (n, labelled)."""
    other = data.digits[data.labelled] != digits[:, None]
    return data.images[data.labelled][distance.masked_fill(other, math.inf).argmin(1)]


@dataclass(frozen=True)
class Judge:
    """What counts, and guides nothing: a support vector machine taught with labels the rule never saw, and the test images."""

    machine: SVC
    real: Tensor

    def share(self, images: Tensor, digits: Tensor) -> float:
        """Share of images that are the digits they should be."""
        return float((self.machine.predict(images.numpy()) == digits.numpy()).mean())

    def nearest(self, images: Tensor) -> float:
        """Mean Euclidean distance to the nearest test image; pixels are in [0, 1]."""
        return torch.cdist(images, self.real).min(1).values.mean().item()

    def variety(self, images: Tensor, digits: Tensor) -> float:
        """Mean Euclidean distance between two images of one digit."""
        return float(np.mean([torch.pdist(images[digits == digit]).mean().item() for digit in range(CLASSES)]))

    def frechet(self, images: Tensor) -> float:
        """Fréchet distance between the pixels of these images and of the test images, each taken to be normal."""
        ours, real = images.double(), self.real.double()
        a, b = torch.cov(ours.T), torch.cov(real.T)
        common = torch.linalg.eigvals(a @ b).real.clamp(min=0).sqrt().sum()
        return ((ours.mean(0) - real.mean(0)).square().sum() + a.trace() + b.trace() - 2 * common).item()


def judge_of(data: Split) -> Judge:
    """Taught with the judge's half of the labels."""
    machine = SVC(gamma=0.25, C=10).fit(data.images[data.judged], data.digits[data.judged])
    return Judge(machine, data.images[data.test])


def table(judge: Judge, data: Split, vae: VAE, generated: dict[str, Tensor], digits: Tensor, edited: dict[str, Tensor], targets: Tensor) -> str:
    """Every method's figures, and those of real images to hold them against."""
    train, shown = data.images[data.labelled], data.digits[data.labelled]
    real = {"training images": train, "the same, decoded": vae.decode(vae.encode(train)[0])}
    lines = [f"{'generated':22}{'judged right':>14}{'nearest real':>14}{'variety':>10}{'Fréchet':>10}"]
    for rows, wanted in ((real, shown), (generated, digits)):
        for name, x in rows.items():
            figures = f"{judge.share(x, wanted):14.3f}{judge.nearest(x):14.2f}{judge.variety(x, wanted):10.2f}{judge.frechet(x):10.2f}"
            lines.append(f"{name:22}{figures}")
    lines += ["", f"{'edited test images':22}{'judged right':>14}{'nearest real':>14}{'change':>10}"]
    for name, x in edited.items():
        change = (x - judge.real).square().mean().item()
        lines.append(f"{name:22}{judge.share(x, targets):14.3f}{judge.nearest(x):14.2f}{change:10.4f}")
    return "\n".join(lines)


def tiled(images: Tensor, columns: int) -> np.ndarray:
    """Images (n, 64) side by side in rows of so many, a pixel apart."""
    grid = F.pad(images.view(-1, columns, SIDE, SIDE), (1, 0, 1, 0))  # (rows, columns, 9, 9)
    return grid.transpose(1, 2).flatten(2).flatten(0, 1).numpy()


def show(panel: SubFigure, title: str, images: Tensor, names: list[str], tops: list[str]) -> None:
    """One grid of images; names of its rows, tops of its columns."""
    axes, step = panel.subplots(), SIDE + 1
    axes.imshow(tiled(images, len(tops)), cmap="gray_r", vmin=0, vmax=1)
    axes.set_xticks([step * (i + 0.5) for i in range(len(tops))], tops)
    axes.set_yticks([step * (i + 0.5) for i in range(len(names))], names)
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_title(title, fontsize=10)


def draw_picture(path: str, vae: VAE, guides: Guides, data: Split, generated: dict[str, Tensor], options: Options) -> None:
    """Left, two draws of each digit by each method; right, the first test image of each digit made into every digit."""
    figure = Figure(figsize=(12.5, 5.8), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subfigures(1, 2, width_ratios=(10.5, 12))
    tops = [str(digit) for digit in range(CLASSES)]
    two = torch.cat([images[: 2 * CLASSES] for images in generated.values()])
    show(left, "asked for a digit, from the same draws", two, [name for method in generated for name in (method, "")], tops)
    rows = torch.stack([data.test[data.digits[data.test] == digit][0] for digit in range(CLASSES)])
    images = data.images[rows].repeat_interleave(CLASSES, 0)
    made = edit(vae, guides, images, torch.arange(CLASSES).repeat(CLASSES), options).view(CLASSES, CLASSES, -1)
    original = data.images[rows][:, None]
    grid = torch.cat([original, torch.zeros_like(original), made], dim=1).flatten(0, 1)
    show(right, "test images (left), made into each digit", grid, tops, ["from", "", *tops])
    figure.savefig(path, dpi=100)


def main(path: str, options: Options) -> None:
    """Fit, generate, edit, count, draw."""
    started = time.monotonic()
    torch.set_num_threads(1)  # networks this small only lose by sharing
    data = split(options.seed)
    vae = fit_vae(data, options)
    guides = fit_guides(vae, Rule(data), data, options)
    actor, means = fit_digit_actor(guides, options), class_means(vae, data)
    digits = torch.arange(CLASSES).repeat(options.each)
    targets = (data.digits[data.test] + 1 + torch.randint(CLASSES - 1, (len(data.test),), generator=generator(options.seed, 7))) % CLASSES
    generated = generate(vae, guides, actor, means, digits, options)
    edited = edits(vae, guides, means, data, targets, options)
    print(table(judge_of(data), data, vae, generated, digits, edited, targets))
    draw_picture(path, vae, guides, data, generated, options)
    print(f"{path}, in {time.monotonic() - started:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Generate and edit small digits under latent constraints.")
    parser.add_argument("-o", "--output", default="digits.png", help="the picture to write")
    parser.add_argument("--quick", action="store_true", help="fit for seconds only, as the tests do")
    asked = parser.parse_args()
    main(asked.output, QUICK if asked.quick else Options())
