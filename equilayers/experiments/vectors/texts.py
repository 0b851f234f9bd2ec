"""What each task is, for titles and words: the law, the symmetry, the metric, and how far a claim can reach."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["TEXTS", "Text"]

MSE = "mean squared error"


@dataclass(frozen=True)
class Text:
    """Sentences and pieces of sentences about a task.

    Attributes:
        title: of the report.
        law: what is learned, after "On".
        symmetry: what is built in.
        metric: what is measured on the test set.
        scope: the last sentence: what the numbers cannot settle.
        absent: which arms the task has not, and why.
        wrong: what the wrong group is.
    """

    title: str
    law: str
    symmetry: str
    metric: str
    scope: str
    absent: str = ""
    wrong: str = (
        "the same group conjugated by a fixed random permutation of the input's components, which are alike in law"
    )


TEXTS = {
    "digit-sums": Text(
        "the sum of five digits, as a set",
        "sets of five 8x8 digits and the sum of their labels",
        "all permutations of the five members, S5",
        MSE,
        "Five members of a set cannot settle what sharing weights is worth on large ones, where every order "
        "is far rarer "
        "in the data.",
        wrong="permutations of five places whose pixels are scrambled each in a way of its own",
    ),
    "hull": Text(
        "the volume of a convex hull in five dimensions",
        "sixteen standard normal points of five dimensions and the volume of their convex hull",
        "rotations and reflections, O(5)",
        MSE,
        "The volume is also unchanged when points are relabelled or shifted. Only Deep Sets knows the first, "
        "no arm the "
        "second, so a verdict on O(5) alone is not one on all the symmetry that the task has.",
    ),
    "inertia": Text(
        "the inertia tensor of five masses",
        "the inertia tensor of five point masses, nine numbers that turn with the positions",
        "rotations and reflections of space, O(3)",
        MSE,
        "The target is linear in the masses and quadratic in the positions, which two layers of products contain "
        "exactly: an easy case for a built-in symmetry.",
    ),
    "lorentz": Text(
        "electron-muon scattering",
        "the matrix element of electron-muon scattering, an invariant of four momenta that are not on a mass shell",
        "the Lorentz group O(1,3)",
        MSE,
        "The group is not compact: augmentation and the equivariance error depend on the law by which boosts are drawn "
        "(of Gaussian rapidity of deviation 0.5, cut at 2), and larger boosts were not seen.",
        "There is no canonicalised arm: momenta off the mass shell have no rest frame.",
    ),
    "modified-inertia": Text(
        "an inertia tensor with a preferred axis",
        "the inertia tensor of five masses plus 0.3 times its projection on the z axis, which only rotations "
        "about z keep",
        "rotations and reflections of space, O(3), which the target breaks",
        MSE,
        "Here the symmetry is built in although it holds only in part, so exact arms keep an error that no "
        "data removes; "
        "how much freedom beside them is best depends on how strongly it is broken, and one strength was run.",
    ),
    "o5": Text(
        "an invariant of two vectors in five dimensions",
        "sin |x1| - |x2|³/2 + cos of the angle between x1 and x2, in five dimensions",
        "rotations and reflections, O(5)",
        MSE,
        "The target is a function of three invariants, so that any network which is handed invariants has an "
        "easy case.",
    ),
    "pendulum": Text(
        "the double spring pendulum",
        "two masses on two springs in gravity, observed every 0.2 seconds",
        "rotations about the vertical axis and reflections through it, O(2)",
        "relative error of roll-outs of ten seconds (geometric mean over time and trajectories)",
        "Networks learn from single intervals of 0.2 seconds and one Runge-Kutta step each, not from whole "
        "roll-outs, and "
        "roll-outs of ten seconds are scored and not of thirty: published errors of this system are not comparable.",
        "There is no canonicalised arm, whose frame has a singularity where a mass hangs straight down. ODE arms learn "
        "derivatives, HNN arms an energy.",
        wrong="rotations about a horizontal axis",
    ),
    "rubik": Text(
        "can this cube be solved?",
        "scrambled Rubik's cubes, half of them with the colours of two opposite faces exchanged, which no "
        "turns can solve",
        "the group of the cube on its 48 facelets, of order 43 252 003 274 489 856 000",
        "accuracy",
        "The unsolvable states are those of a mirror image, which each corner gives away by the order of its colours. "
        "A twisted corner or a flipped edge is unsolvable too, but shows on no single piece, and is not asked for. "
        "Each class is one orbit, so that one sample of each would do for an exact network: "
        "the task shows what a symmetry can give away, not what it gives on average.",
        "There is no canonicalised arm: bringing a cube into a position of its own means solving it. "
        "There are no vectors whose products would be scalars.",
        wrong="the same group conjugated by a random permutation of the facelets",
    ),
    "signed-volume": Text(
        "a volume with its sign",
        "a tenth of the determinant of three standard normal vectors, which a reflection turns into its negative",
        "rotations and reflections of space, O(3)",
        MSE,
        "The target is the only cubic covariant of its kind, which two layers of products contain exactly: "
        "an easy case for a built-in symmetry.",
        "There is no arm on scalars: products of pairs do not know the sign, and the determinant would be the answer.",
    ),
}
