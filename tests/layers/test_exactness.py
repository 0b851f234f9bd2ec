"""Every exact layer that accepts the representation, for every shipped group: output and gradient, both precisions."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch

import equilayers as eq
from equilayers import layers as L
from equilayers.errors import BadRepresentation

TOLERANCE = {torch.float64: 1e-12, torch.float32: 1e-5}
CUBE = "Rubik"
FINITE = ["trivial", *(f"C{n}" for n in range(2, 9)), *(f"D{n}" for n in range(1, 9))]
FINITE += ["S3", "S4", "S5", "A4", "A5", "Q8", "T", "O", "I", "Oh", "Ih", "C4 x D3", "Q8 x C3", CUBE]
INFINITE = ["SO(2)", "O(2)", "SO(3)", "O(3)", "SU(2)", "SO(1,3)", "SO(3) x S3"]
SKEWED = ("D4", "C4", "S3")  # also in coordinates that are not orthogonal, where the dual differs
LARGEST = 24  # dimension of a permutation representation that is tried


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
    found = eq.irreps(G) if G.is_finite else eq.irreps(G, level=2)
    chosen = 3 * eq.trivial(G)
    for kind in ("real", "complex", "quaternionic"):
        of_kind = [irrep for irrep in found if irrep.type == kind and not irrep.is_trivial and irrep.dim <= 6]
        if of_kind:
            chosen = chosen + 2 * max(of_kind, key=lambda irrep: irrep.dim)
    reps = {"irreps": chosen}
    if G.is_finite and G.order <= 12:
        reps["permutation"] = 2 * eq.regular(G)
    elif G.is_finite:
        reps["permutation"] = _permuted(G)
    V = eq.defining(G)
    if V.dim <= 4:
        reps["tensors"] = 2 * (V @ V) + V
    if name in SKEWED:
        skew = np.eye(V.dim) + np.diag(np.full(V.dim - 1, 0.5), 1)
        reps["skew"] = 2 * eq.representation(G, skew @ V.images.discrete @ np.linalg.inv(skew)) + eq.trivial(G)
    return reps


def _permuted(G):
    V = eq.defining(G)
    if V.is_permutation:
        return 2 * V
    H = G.subgroup(G.discrete_generators[:2]) if G.order <= 2 * LARGEST else G.subgroup(G.discrete_generators[:1])
    if G.order // H.order > LARGEST or G.order == H.order:
        H = G.subgroup(G.discrete_generators[-1:])
    return 2 * eq.quotient(G, H)


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
}
ELSEWHERE = {
    "GeometricProduct": "takes a form: test_geometric",
    "GraphLinear": "has tensors over nodes: test_graph_linear",
    "Layer": "the base",
    "SampledActivation": "is not exact",
    "Restriction": "has two groups: test_activations",
    "VectorReLU": "takes an invariant form: test_vector_models",
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
            except BadRepresentation:
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
    "trivial": 63, "C2": 55, "C3": 55, "C4": 67, "C5": 55, "C6": 55, "C7": 55, "C8": 55, "D1": 55, "D2": 55,
    "D3": 55, "D4": 67, "D5": 55, "D6": 55, "D7": 55, "D8": 55, "S3": 71, "S4": 59, "S5": 38, "A4": 59, "A5": 38,
    "Q8": 55, "T": 55, "O": 55, "I": 55, "Oh": 55, "Ih": 55, "C4 x D3": 55, "Q8 x C3": 38, "Rubik": 38,
    "SO(2)": 34, "O(2)": 34, "SO(3)": 34, "O(3)": 34, "SU(2)": 34, "SO(1,3)": 24, "SO(3) x S3": 17,
}  # fmt: skip


@pytest.mark.parametrize("name", [*FINITE, *INFINITE])
def test_exact_layers_are_exact(name):
    ran, broken = run(name)
    assert not broken
    assert ran == RAN[name]


def test_number_of_cases():
    assert set(RAN) == {*FINITE, *INFINITE}
    assert sum(RAN.values()) == 1849


def test_types_of_irreps_are_all_there():
    names = [name for name in (*FINITE, *INFINITE) if name != CUBE]
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
