"""Every exact layer that accepts the representation, for every named group: output and gradient, both precisions."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch

import equilayers as eq
from equilayers import layers as L
from equilayers.errors import BadRepresentation, NotCertified

TOLERANCE = {torch.float64: 1e-12, torch.float32: 1e-5}
CUBE = "Rubik"
BEYOND = ("C5", "C7", "D2", "D5", "D7", "SO(3) x S3")  # the catalogue, and these
NAMES = tuple(dict.fromkeys([*(entry.name for entry in eq.groups.catalogue()), *BEYOND]))
QUICK = ("trivial", "C4", "D4", "S4", "Q8", "2T", "F21", "Ih")
QUICK += ("SO(2)", "O(3)", "SU(2)", "SE(3)", "SO(1,3)")  # the others are slow tests
SKEWED = ("D4", "C4", "S3")  # also in coordinates that are not orthogonal, where the dual differs
LARGEST = 24  # dimension of a permutation representation that is tried
LISTED = 10_000  # order up to which irreps are listed


def cube_images():
    """The 24 facelets of the corners, as a user would give them: one matrix for each generator."""
    turns, orbit, grown = eq.group(CUBE).permutation_generators, {0}, [0]
    while grown:
        grown = list({int(p[i]) for p in turns for i in grown} - orbit)
        orbit |= set(grown)
    place = {facelet: i for i, facelet in enumerate(sorted(orbit))}
    images = np.zeros((len(turns), len(place), len(place)))
    for s, p in enumerate(turns):
        for facelet, i in place.items():
            images[s, place[int(p[facelet])], i] = 1.0
    return images


@cache
def representations(name):
    """Irreps of every type, twice and more; a permutation representation; one in coordinates that are no irreps."""
    G = eq.group(name)
    if name == CUBE:
        corners = cube_images()
        turn = np.linalg.qr(np.random.default_rng(0).normal(size=(24, 24)))[0]
        given = eq.representation(G, turn @ corners @ turn.T)
        return {"permutation": 2 * eq.representation(G, corners), "given": 2 * given + eq.trivial(G)}
    V = eq.defining(G)
    if G.is_finite and G.order > LISTED:
        return {"permutation": 2 * V}
    if not (G.is_compact or G.is_transpose_closed):
        return {"defining": 2 * V + 3 * eq.trivial(G), **({"tensors": V @ V + V} if V.dim <= 4 else {})}
    found = eq.irreps(G) if G.is_finite else eq.irreps(G, level=2)
    chosen = 3 * eq.trivial(G)
    for kind in ("real", "complex", "quaternionic"):
        of_kind = [irrep for irrep in found if irrep.type == kind and not irrep.is_trivial and irrep.dim <= 6]
        if of_kind:
            chosen = chosen + 2 * max(of_kind, key=lambda irrep: irrep.dim)
    reps = {"irreps": chosen}
    if G.is_finite and G.order <= 12:
        reps["permutation"] = 2 * eq.regular(G)
    elif G.is_finite and (permuted := _permuted(G)) is not None:
        reps["permutation"] = permuted
    if V.dim <= 4:
        reps["tensors"] = 2 * (V @ V) + V
    if name in SKEWED:
        skew = np.eye(V.dim) + np.diag(np.full(V.dim - 1, 0.5), 1)
        reps["skew"] = 2 * eq.representation(G, skew @ V.images.discrete @ np.linalg.inv(skew)) + eq.trivial(G)
    return reps


def _permuted(G):
    V = eq.defining(G)
    if V.is_permutation and V.dim <= LARGEST:
        return 2 * V
    H = G.subgroup(G.discrete_generators[:2]) if G.order <= 2 * LARGEST else G.subgroup(G.discrete_generators[:1])
    if G.order // H.order > LARGEST or G.order == H.order:
        H = G.subgroup(G.discrete_generators[-1:])
    return 2 * eq.quotient(G, H) if G.order // H.order <= LARGEST else None


def plane(G):
    V = eq.defining(G)
    planar = V.dim == 2 and V.is_orthogonal and V.is_monomial
    return V if planar else 2 * eq.trivial(G)


def small(V):
    """A summand whose product with V is quickly split."""
    atom = V.terms[-1][1]
    return atom if atom.dim <= 12 else eq.trivial(V.group)


def chain(V, p):
    gated = L.GatedActivation(V)
    return L.Sequential(L.Linear(V, gated.in_rep), gated, L.Linear(V, V + eq.trivial(V.group)))


LAYERS = {
    "AvgPool2d": lambda V, p: L.AvgPool2d(V, 3, 2, 1, plane=p),
    "Bias": lambda V, p: L.Bias(V),
    "Bilinear": lambda V, p: L.Bilinear(V, 2 * eq.trivial(V.group) + small(V), V),
    "BlurPool2d": lambda V, p: L.BlurPool2d(V, 3, plane=p),
    "ChangeBasis": lambda V, p: L.ChangeBasis(V, eq.decompose(V).rep),
    "Conv2d": lambda V, p: L.Conv2d(V, V + eq.trivial(V.group), *((1, 2) if p.is_trivial else (3, 2, 1)), plane=p),
    "FieldBatchNorm": lambda V, p: L.FieldBatchNorm(V, plane=p),
    "FieldDropout": lambda V, p: L.FieldDropout(V),
    "FieldGroupNorm": lambda V, p: L.FieldGroupNorm(1, V, plane=p),
    "FieldLayerNorm": lambda V, p: L.FieldLayerNorm(V, dims=0),
    "FourierActivation": lambda V, p: L.FourierActivation(V, torch.tanh),
    "GatedActivation": lambda V, p: L.GatedActivation(V),
    "GlobalAvgPool2d": lambda V, p: L.GlobalAvgPool2d(V, plane=p),
    "GroupPooling": lambda V, p: L.GroupPooling(V, dims=0),
    "InvariantReadout": lambda V, p: L.InvariantReadout(V, 3, "norms" if V.is_orthogonal else "linear"),
    "Linear": lambda V, p: L.Linear(V, 2 * eq.trivial(V.group) + V),
    "MaxPool2d": lambda V, p: L.MaxPool2d(V, 3, 2, 1, plane=p),
    "NormActivation": lambda V, p: L.NormActivation(V),
    "NormMaxPool2d": lambda V, p: L.NormMaxPool2d(V, 3, 2, 1, plane=p),
    "PointwiseActivation": lambda V, p: L.PointwiseActivation(V, torch.tanh),
    "Sequential": chain,
    "VectorReLU": lambda V, p: L.VectorReLU(V),
}
ELSEWHERE = {
    "Attention": "acts on sets of tokens: test_attention",
    "GeometricProduct": "takes a form: test_geometric",
    "GraphLinear": "has tensors over nodes: test_graph_linear",
    "Layer": "the base",
    "SampledActivation": "is not exact",
    "Restriction": "has two groups: test_activations",
}


@cache
def elements(G):
    drawn = G.sample(2, generator=torch.Generator().manual_seed(11))
    return torch.cat([G.discrete_generators[:2], drawn]) if len(G.discrete_generators) else drawn


@cache
def atom_matrices(atom):
    return atom(elements(atom.group))


@cache
def matrices(rep):
    """``V(g)`` of all elements, each summand computed once."""
    blocks = [torch.kron(atom_matrices(atom).contiguous(), torch.eye(m, dtype=torch.float64)) for m, atom in rep.terms]
    return torch.stack([torch.block_diag(*of_one) for of_one in zip(*blocks, strict=True)])


@cache
def norms(rep):
    return torch.linalg.matrix_norm(matrices(rep), ord=2).clamp(min=1.0)


@cache
def pixels(plane, size):
    """``(elements, pixels)``: which pixel of the input every pixel of the output shows."""
    numbers = torch.arange(size[0] * size[1], dtype=torch.float64).view(1, 1, *size)
    field = eq.GridField(eq.trivial(plane.group), plane=plane)
    return torch.stack([field.transform(g, numbers).flatten() for g in elements(plane.group)]).long()


def moved(action, x, dual=False):
    """``(elements, batch, ...)``: every element on all of ``x``; with ``dual`` by the inverse transpose."""
    rep = getattr(action, "rep", action)
    m = matrices(rep)
    m = torch.linalg.inv(m).mT if dual else m
    if not isinstance(action, eq.GridField):
        return torch.einsum("eij,bj->ebi", m, x)
    index = pixels(action.plane, x.shape[2:])  # a permutation of positions: its dual is itself
    turned = x.flatten(2)[:, :, index].movedim(2, 0)
    return torch.einsum("eij,ebjp->ebip", m, turned).unflatten(3, x.shape[2:])


def relative(error, of, stretch):
    """Largest over elements, root mean square over inputs, divided by the norms of the matrices."""
    sizes = error.flatten(1).square().mean(1).sqrt() / stretch
    return float(sizes.max()) / max(float(of.square().mean().sqrt()), 1e-300) if error.any() else 0.0


def prepared(layer):
    """Random parameters; running statistics of data."""
    rng = torch.Generator().manual_seed(3)
    layer = layer.double()
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=rng) * 0.5 + 0.1)
        layer.train()
        layer(sample(layer) * 2)
    return layer.eval()


def sample(layer, n=2):
    action = layer.in_action
    if isinstance(action, eq.GridField):
        action = eq.GridField(action.rep, plane=action.plane, size=(5, 5))
    return action.sample_input(n, generator=torch.Generator().manual_seed(7), dtype=torch.float64)


def gradient(layer, x, c):
    x = x.clone().requires_grad_()
    y = layer(x)
    if not y.requires_grad:
        return torch.zeros_like(x).double()
    (found,) = torch.autograd.grad(y, x, c.to(y.dtype), allow_unused=True)
    return torch.zeros_like(x).double() if found is None else found.double()


def errors(layer):
    """``(what, error, tolerance)`` of output and gradient in both precisions."""
    layer = prepared(layer)
    x, actions = sample(layer), (layer.in_action, layer.out_action)
    stretch = torch.maximum(*(norms(getattr(action, "rep", action)) for action in actions))
    back = torch.maximum(*(norms(getattr(action, "rep", action).dual) for action in actions))
    for dtype, tolerance in TOLERANCE.items():
        layer, start = layer.to(dtype), x.to(dtype)
        gx = moved(actions[0], start.double()).to(dtype)
        with torch.no_grad():
            y, of_moved = layer(start).double(), layer(gx.flatten(0, 1)).double().unflatten(0, gx.shape[:2])
        yield f"output, {dtype}", relative(of_moved - moved(actions[1], y), y, stretch), tolerance
        c = torch.randn(y.shape, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
        at_x = gradient(layer, start, c)
        at_gx = gradient(layer, gx.flatten(0, 1), moved(actions[1], c, dual=True).flatten(0, 1)).unflatten(
            0, gx.shape[:2]
        )
        yield f"gradient, {dtype}", relative(at_gx - moved(actions[0], at_x, dual=True), at_x, back), tolerance


def test_every_public_layer_is_in_the_product():
    public = {name for name in L.__all__ if name[0].isupper()}
    assert public == set(LAYERS) | set(ELSEWHERE)


def run(name):
    """The cases that ran, and those that broke a tolerance."""
    G, ran, broken = eq.group(name), 0, []
    for kind, V in representations(name).items():
        for layer_name, build in LAYERS.items():
            try:
                layer = build(V, plane(G))
            except (BadRepresentation, NotCertified):
                continue  # decided on the matrices; the count below says how often
            assert layer.exact, (layer_name, kind)
            ran += 1
            broken += [
                f"{layer_name}({kind}): {what} {error:.2e}"
                for what, error, tolerance in errors(layer)
                if not error <= tolerance
            ]
    return ran, broken


RAN = {
    "trivial": 66, "C2": 58, "C3": 58, "C4": 72, "C6": 58, "C8": 58, "D1": 58, "D3": 58, "D4": 72, "D6": 58, "D8": 58,
    "SO(2)": 36, "O(2)": 36, "T": 58, "O": 58, "I": 58, "Oh": 58, "Ih": 58, "S3": 76, "S4": 62, "S5": 40, "S7": 40,
    "S50": 22, "A4": 62, "A5": 40, "A6": 40, "B3": 58, "B4": 36, "M11": 44, "Rubik": 40, "S2 wr S3": 40, "S3 wr S2": 40,
    "Q8": 58, "Dic3": 58, "Dic5": 58, "2T": 58, "2O": 58, "2I": 58, "F20": 40, "F21": 40, "F42": 40, "GL(2,3)": 40,
    "SL(2,5)": 40, "PSL(2,7)": 40, "Heis(3)": 40, "Heis(5)": 18, "C4 x D3": 58, "Q8 x C3": 40, "SO(3)": 36, "O(3)": 36,
    "SO(4)": 36, "O(4)": 36, "SO(5)": 18, "O(5)": 18, "U(1)": 36, "U(2)": 36, "U(3)": 18, "SU(2)": 36, "SU(3)": 18,
    "SU(4)": 18, "USp(4)": 18, "SO(3) x S4": 18, "SO(2) wr S3": 18, "SO+(1,3)": 28, "O+(1,3)": 28, "SO(1,3)": 28,
    "O(1,3)": 28, "SO(1,2)": 28, "SO+(2,2)": 28, "GL(2)": 24, "GL(3)": 24, "SL(2)": 27, "SL(3)": 24, "SL(2,C)": 27,
    "Sp(4)": 27, "Sp(6)": 13, "Scaling": 24, "E(2)": 26, "SE(2)": 26, "E(3)": 26, "SE(3)": 26, "Aff(2)": 26,
    "Poincare": 13, "Poincare+": 13, "Galilei": 13, "Heisenberg": 26, "-1": 58, "2": 58, "m": 58, "2/m": 58, "222": 58,
    "mm2": 58, "mmm": 58, "4": 58, "-4": 58, "4/m": 58, "422": 58, "4mm": 58, "-42m": 58, "4/mmm": 58, "3": 58,
    "-3": 58, "32": 58, "3m": 58, "-3m": 58, "6": 58, "-6": 58, "6/m": 58, "622": 58, "6mm": 58, "-6m2": 58,
    "6/mmm": 58, "23": 58, "m-3": 58, "432": 58, "-43m": 58, "m-3m": 58, "C5": 58, "C7": 58, "D2": 58, "D5": 58,
    "D7": 58, "SO(3) x S3": 18,
}  # fmt: skip


@pytest.mark.parametrize("name", [pytest.param(n, marks=() if n in QUICK else pytest.mark.slow) for n in NAMES])
def test_exact_layers_are_exact(name):
    ran, broken = run(name)
    assert not broken
    assert ran == RAN[name]


def test_number_of_cases():
    assert set(RAN) == set(NAMES)
    assert sum(RAN.values()) == 5475


def test_types_of_irreps_are_all_there():
    names = ["D4", "F21", "Q8", "SU(2)"]
    found = [irrep for name in names for _, irrep in representations(name)["irreps"].terms]
    kinds = {irrep.type for irrep in found if hasattr(irrep, "type")}
    assert kinds == {"real", "complex", "quaternionic"}


@pytest.mark.parametrize("size", [1e-10, 1e-3])
def test_a_layer_that_is_slightly_off_is_noticed(size):
    class Twin(L.Linear):
        def forward(self, x):
            return super().forward(x) + size * x.roll(1, -1)

    V = 2 * eq.regular(eq.group("D4"))
    found = {what: error > tolerance for what, error, tolerance in errors(Twin(V, V))}
    assert found["output, torch.float64"] and found["gradient, torch.float64"]
    assert found["output, torch.float32"] is found["gradient, torch.float32"] is (size > 1e-5)


def test_a_gradient_that_does_not_move_with_the_dual_is_noticed():
    class Leaky(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.clone()

        @staticmethod
        def backward(ctx, grad):
            return grad * torch.arange(1.0, 1.0 + grad.shape[-1])

    class Twin(L.Linear):
        def forward(self, x):
            return super().forward(Leaky.apply(x))

    V = eq.regular(eq.group("D4"))
    found = {what: error > tolerance for what, error, tolerance in errors(Twin(V, V))}
    assert found["gradient, torch.float64"] and not found["output, torch.float64"]
