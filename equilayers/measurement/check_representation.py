"""Laws of a representation: a homomorphism, with the derivative and the algebra that it declares."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from equilayers.groups import Group
from equilayers.measurement.check_group import pickled
from equilayers.measurement.probe import as_generator
from equilayers.measurement.relative import spectral_norm
from equilayers.measurement.report import CheckReport, Laws
from equilayers.representations import Representation

__all__ = ["check_representation", "closed_loops", "group_words"]

TOLERANCE = 1e-9
DIFFERENCE = 1e-6  # of a finite difference
PRODUCT_DIM = 16  # tensor products are formed up to this dimension
WORDS = 6


def check_representation(V: Representation, *, generator: torch.Generator | int = 0) -> CheckReport:
    """Run every law of a representation.

    Errors are divided by the norms of the matrices, so that non-compact groups are held to the same tolerance.

    Args:
        V: any representation.
        generator: randomness, or a seed.

    Returns:
        A report whose ``ran`` counts the laws that ran and whose ``not_run`` says why others did not.

    Raises:
        CheckFailed: the first law that is broken, by name.

    Example:
        >>> import equilayers as eq
        >>> V = eq.defining(eq.group("SO(3)"))
        >>> check_representation(V @ V).ran > 15
        True
    """
    rng = as_generator(generator)
    laws = Laws(f"representation {V!r} of {V.group!r}")
    _homomorphism(V, laws, rng)
    _images(V, laws)
    _derivative(V, laws, rng)
    _algebra(V, laws, rng)
    _flags(V, laws)
    _action(V, laws)
    _value(V, laws)
    return laws.report()


def group_words(group: Group, rng: torch.Generator) -> Tensor:
    """Samples, discrete generators, and products of these with exponentials."""
    words = [group.sample(WORDS, generator=rng)]
    discrete = group.discrete_generators
    if len(discrete):
        words.append(discrete)
        words.append(group.compose(discrete, words[0][torch.arange(len(discrete)) % WORDS]))
    if group.lie_dim:
        words.append(group.exp(torch.randn(WORDS, group.lie_dim, generator=rng, dtype=torch.float64) / 2))
        if len(discrete):
            step = words[-1][torch.arange(len(discrete)) % WORDS]
            words.append(group.compose(step, group.compose(discrete, group.inverse(step))))
    return torch.cat(words)


def _gap(a: Tensor, b: Tensor, scale: Tensor | float = 1.0) -> float:
    """Largest difference of entries, divided by a scale of at least 1 per matrix."""
    if a.shape != b.shape:
        return float("inf")
    if not a.numel():
        return 0.0
    largest = (a - b).abs().flatten(1).amax(1)
    return float((largest / torch.as_tensor(scale).clamp(min=1.0)).max())


def _homomorphism(V: Representation, laws: Laws, rng: torch.Generator) -> None:
    group = V.group
    g = group_words(group, rng)
    h = g[torch.randperm(len(g), generator=rng)]
    at_g, at_h = V(g), V(h)
    laws.equal("V(g) has the declared shape", tuple(at_g.shape), (len(g), V.dim, V.dim))
    laws.equal("V(g) is float64", at_g.dtype, torch.float64)
    laws.holds("V(g) is finite", bool(torch.isfinite(at_g).all()))
    eye = torch.eye(V.dim, dtype=torch.float64)
    laws.bound("The identity V(1) = 1", _gap(V(group.identity)[None], eye[None]), TOLERANCE)
    scale = spectral_norm(at_g) * spectral_norm(at_h)
    laws.bound("The homomorphism V(g h) = V(g) V(h)", _gap(V(group.compose(g, h)), at_g @ at_h, scale), TOLERANCE)
    back = V(group.inverse(g))
    square = spectral_norm(at_g) * spectral_norm(back)
    laws.bound("The inverse V(g) V(g^-1) = 1", _gap(at_g @ back, eye.expand_as(at_g), square), TOLERANCE)
    laws.bound("One element as a batch of one", _gap(V(g[0])[None], at_g[:1], scale[:1]), TOLERANCE)


def _images(V: Representation, laws: Laws) -> None:
    group, images = V.group, V.images
    discrete = torch.tensor(images.discrete)
    laws.equal(
        "images has one matrix per generator",
        (images.lie.shape, images.discrete.shape),
        ((group.lie_dim, V.dim, V.dim), (len(group.discrete_generators), V.dim, V.dim)),
    )
    if len(discrete):
        there = V(group.discrete_generators)
        laws.bound("images.discrete are V of the generators", _gap(discrete, there, spectral_norm(there)), TOLERANCE)
    else:
        laws.not_run("images.discrete are V of the generators", "there is no discrete generator")


def _derivative(V: Representation, laws: Laws, rng: torch.Generator) -> None:
    group = V.group
    names = (
        "images.lie are the derivatives along the basis",
        "The derivative is linear",
        "The derivative is that of a finite difference",
        "V(exp A) = exp dV(A)",
        "The derivative keeps brackets",
        "Closed loops stay closed: exp(T A) = 1 gives exp(T dV(A)) = 1",
    )
    if not group.lie_dim:
        for name in names:
            laws.not_run(name, "the group has no Lie algebra")
        return
    basis = torch.eye(group.lie_dim, dtype=torch.float64)
    lie = V.derivative(basis)
    size = max(1.0, float(lie.abs().max())) if lie.numel() else 1.0
    laws.bound(names[0], _gap(torch.tensor(V.images.lie), lie, size), TOLERANCE)
    a = torch.randn(4, group.lie_dim, generator=rng, dtype=torch.float64) / 2
    along = V.derivative(a)
    laws.bound(names[1], _gap(along, torch.einsum("bk,kij->bij", a, lie), size), TOLERANCE)
    laws.bound(names[2], _gap(_difference(V, a), along, size), DIFFERENCE)
    exponential = torch.linalg.matrix_exp(along)
    laws.bound(names[3], _gap(V(group.exp(a)), exponential, spectral_norm(exponential)), TOLERANCE)
    products = torch.einsum("iab,jbc->ijac", lie, lie)
    expected = torch.einsum("ijk,kab->ijab", torch.tensor(group.structure_constants), lie)
    laws.bound(names[4], _gap(products - products.transpose(0, 1), expected, size**2), TOLERANCE)
    loops = closed_loops(group)
    if not loops:
        laws.not_run(names[5], "no generator has a closed orbit")
        return
    worst, where = 0.0, ""
    for coefficients, period in loops:
        around = torch.linalg.matrix_exp(period * V.derivative(coefficients))
        error = _gap(around[None], torch.eye(V.dim, dtype=torch.float64)[None])
        if not error <= worst:
            worst, where = error, f"A = {coefficients.tolist()}, T = {period:.6g}"
    laws.bound(names[5], worst, 1e-7, {"loop": where})


def _difference(V: Representation, a: Tensor) -> Tensor:
    """Central difference of fourth order at the identity."""
    step = 2e-3

    def at(t: float) -> Tensor:
        return V(V.group.exp(t * a))

    return (8 * (at(step) - at(-step)) - (at(2 * step) - at(-2 * step))) / (12 * step)


def closed_loops(group: Group) -> list[tuple[Tensor, float]]:
    """Basis elements A with the smallest T > 0 for which exp(T A) = 1, where there is one among small multiples."""
    loops = []
    for i, a in enumerate(torch.eye(group.lie_dim, dtype=torch.float64)):
        frequencies = np.abs(np.linalg.eigvals(group.lie_basis[i]).imag)
        frequencies = frequencies[frequencies > 1e-6]
        for turns in range(1, 9):
            if not len(frequencies):
                break
            period = 2 * np.pi * turns / frequencies.max()
            if bool(group.equal(group.exp(period * a), group.identity, 1e-7)):
                loops.append((a, float(period)))
                break
    return loops


def _algebra(V: Representation, laws: Laws, rng: torch.Generator) -> None:
    g = group_words(V.group, rng)[:: max(1, WORDS // 3)]
    at_g = V(g)
    scale = spectral_norm(at_g)
    inverse = torch.linalg.inv(at_g) if V.dim else at_g
    both = scale * (spectral_norm(inverse) if V.dim else 1.0)
    laws.bound("The dual is the inverse transpose", _gap(V.dual(g), inverse.transpose(-1, -2), both), TOLERANCE)
    doubled = torch.stack([torch.block_diag(m, m) for m in at_g])
    laws.bound("V + V is block diagonal", _gap((V + V)(g), doubled, scale), TOLERANCE)
    copies = torch.stack([torch.kron(m.contiguous(), torch.eye(3, dtype=torch.float64)) for m in at_g])
    laws.bound("3 V is kron(V(g), 1), copies innermost", _gap((3 * V)(g), copies, scale), TOLERANCE)
    laws.equal("0 V has dim 0", tuple((0 * V)(g).shape), (len(g), 0, 0))
    names = ("V @ V is kron(V(g), V(g))", "Sym^2 and Alt^2 have the characters of squares")
    if not 0 < V.dim <= PRODUCT_DIM:
        for name in names:
            laws.not_run(name, f"dim {V.dim} is not in 1 to {PRODUCT_DIM}")
        return
    square = torch.stack([torch.kron(m.contiguous(), m.contiguous()) for m in at_g])
    laws.bound(names[0], _gap((V @ V)(g), square, scale**2), TOLERANCE)
    trace = at_g.diagonal(dim1=-2, dim2=-1).sum(-1)
    of_square = V(V.group.compose(g, g)).diagonal(dim1=-2, dim2=-1).sum(-1)
    found = [power(g).diagonal(dim1=-2, dim2=-1).sum(-1) for power in (V.sym(2), V.alt(2))]
    expected = [(trace**2 + of_square) / 2, (trace**2 - of_square) / 2]
    laws.bound(names[1], _gap(torch.stack(found).T, torch.stack(expected).T, V.dim * scale**2), TOLERANCE)


def _flags(V: Representation, laws: Laws) -> None:
    lie, discrete = V.images.lie, V.images.discrete
    eye = np.eye(V.dim)
    still = not np.abs(lie).max(initial=0) > TOLERANCE
    skew = not np.abs(lie + lie.swapaxes(1, 2)).max(initial=0) > TOLERANCE
    keeps = not np.abs(discrete @ discrete.swapaxes(1, 2) - eye).max(initial=0) > TOLERANCE
    laws.equal("is_orthogonal", bool(V.is_orthogonal), bool(skew and keeps))
    whole = not np.minimum(np.abs(discrete), np.abs(np.abs(discrete) - 1)).max(initial=0) > TOLERANCE
    one_each = bool((np.abs(np.abs(discrete).sum(-1) - 1) <= TOLERANCE).all()) and keeps
    monomial = bool(still and whole and one_each)
    laws.equal("is_monomial", bool(V.is_monomial), monomial)
    laws.equal("is_permutation", bool(V.is_permutation), monomial and not discrete.min(initial=0) < -TOLERANCE)
    laws.equal("is_trivial", bool(V.is_trivial), bool(still and not np.abs(discrete - eye).max(initial=0) > TOLERANCE))


def _action(V: Representation, laws: Laws) -> None:
    first, second = (V.sample_input(5, generator=torch.Generator().manual_seed(1)) for _ in range(2))
    laws.holds("sample_input is reproducible from a generator", torch.equal(first, second))
    laws.equal("sample_input has shape (n, dim)", tuple(first.shape), (5, V.dim))
    g = V.group.sample(5, generator=torch.Generator().manual_seed(2))
    matrices = V(g)
    x = first.double()
    single = torch.stack([V.transform(g[0], x)])
    laws.bound(
        "One element acts on all of x", _gap(single, (x @ matrices[0].T)[None], spectral_norm(matrices[:1])), TOLERANCE
    )
    pairs = (matrices @ x[..., None])[..., 0]
    laws.bound("A batch of elements acts pairwise", _gap(V.transform(g, x), pairs, spectral_norm(matrices)), TOLERANCE)
    laws.equal("transform keeps the dtype", V.transform(g[0], x.float()).dtype, torch.float32)


def _value(V: Representation, laws: Laws) -> None:
    again = pickled(V, laws)
    if again is not None:
        laws.equal("Pickle keeps the representation", V, again)
        laws.equal("Equal representations have equal hashes", hash(V), hash(again))
        g = V.group.sample(3, generator=torch.Generator().manual_seed(3))
        laws.holds("Equal representations have equal matrices", torch.equal(V(g), again(g)))
    laws.holds("repr() is for people", bool(repr(V)) and " object at 0x" not in repr(V), {"repr": repr(V)})
