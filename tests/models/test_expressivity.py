"""Which graphs networks tell apart: exactly those that the Weisfeiler-Leman test of their order does."""

from __future__ import annotations

from itertools import combinations

import pytest
import torch
from node_laws import shaken

from equilayers.models import PPGN, InvariantGraphNetwork


def graph(n, edges):
    x = torch.zeros(n, n, dtype=torch.float64)
    for i, j in edges:
        x[i % n, j % n] = x[j % n, i % n] = 1.0
    return x


def circulant(n, jumps):
    return graph(n, [(i, i + jump) for i in range(n) for jump in jumps])


def torus(jumps):
    """Sixteen nodes, two numbers modulo 4 each."""
    nodes = [(a, b) for a in range(4) for b in range(4)]
    place = {node: i for i, node in enumerate(nodes)}
    return graph(16, [(place[a, b], place[(a + s) % 4, (b + t) % 4]) for a, b in nodes for s, t in jumps])


def drawn(n, edges, seed):
    rng = torch.Generator().manual_seed(seed)
    pairs = list(combinations(range(n), 2))
    return graph(n, [pairs[i] for i in torch.randperm(len(pairs), generator=rng)[:edges]])


def relabelled(x, seed):
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(seed))
    return x[order][:, order]


ROOK = torus([(s, 0) for s in (1, 2, 3)] + [(0, t) for t in (1, 2, 3)])
SHRIKHANDE = torus([(1, 0), (0, 1), (1, 1)])
PAIRS = {
    "two triangles, hexagon": (graph(6, [(0, 1), (1, 2), (2, 0), (3, 4), (4, 5), (5, 3)]), circulant(6, [1])),
    "prism, K33": (circulant(6, [2, 3]), circulant(6, [1, 3])),
    "rook, Shrikhande": (ROOK, SHRIKHANDE),
    "path, star": (graph(4, [(0, 1), (1, 2), (2, 3)]), graph(4, [(0, 1), (0, 2), (0, 3)])),
    "decalin, bicyclopentyl": (
        graph(10, [(i, i + 1) for i in range(10)] + [(0, 5)]),
        graph(10, [*((5 * k + i, 5 * k + (i + 1) % 5) for k in (0, 1) for i in range(5)), (0, 5)]),
    ),
    "four jumps": (circulant(9, [1, 2]), circulant(9, [1, 3])),
    **{f"isomorphic {s}": (drawn(7, 9, s), relabelled(drawn(7, 9, s), s)) for s in range(3)},
    **{f"drawn {s}": (drawn(6, 7, s), drawn(6, 7, s + 50)) for s in range(8)},
}


# The tests, in the words of combinatorics: colours are refined by what they see, both graphs in one dictionary


def refined(graphs, start, sees):
    """Whether the two multisets of colours ever differ; the end is where no colour is split any more."""
    colours, count = [start(x) for x in graphs], 0
    while len({c for of in colours for c in of.values()}) > count:
        if sorted(colours[0].values()) != sorted(colours[1].values()):
            return True
        count = len(set(colours[0].values()))
        seen = [{key: (c[key], sees(x, c, key)) for key in c} for x, c in zip(graphs, colours, strict=True)]
        number = {signature: i for i, signature in enumerate(sorted({s for of in seen for s in of.values()}))}
        colours = [{key: number[s] for key, s in of.items()} for of in seen]
    return False


def colour_refinement(*graphs):
    def sees(x, c, v):
        return tuple(sorted(c[u] for u in c if x[u][v]))

    return refined([x.tolist() for x in graphs], lambda x: dict.fromkeys(range(len(x)), 0), sees)


def pairs_refinement(*graphs):
    """The folklore test on pairs."""

    def sees(x, c, pair):
        return tuple(sorted((c[pair[0], w], c[w, pair[1]]) for w in range(len(x))))

    def start(x):
        return {(u, v): 2 if u == v else int(x[u][v]) for u in range(len(x)) for v in range(len(x))}

    return refined([x.tolist() for x in graphs], start, sees)


NETWORKS = {
    "IGN": (lambda: InvariantGraphNetwork(1, 4, 8, depth=3), colour_refinement),
    "PPGN": (lambda: PPGN(1, 4, 8, depth=3), pairs_refinement),
}


def tells_apart(net, pair):
    """True or False; None where a number is neither zero to the last digits nor clearly not."""
    with torch.no_grad():
        a, b = (net(x[None, ..., None])[0] for x in pair)
    gap = float((a - b).abs().max() / a.abs().max())
    return True if gap > 1e-9 else False if gap < 1e-12 else None


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_tells_apart_what_its_test_does(name, pair):
    build, oracle = NETWORKS[name]
    assert tells_apart(shaken(build()), PAIRS[pair]) is oracle(*PAIRS[pair])


def test_the_known_pairs():
    known = {"two triangles, hexagon": (False, True), "prism, K33": (False, True), "rook, Shrikhande": (False, False)}
    known |= {"path, star": (True, True), "decalin, bicyclopentyl": (False, True), "isomorphic 0": (False, False)}
    assert {name: (colour_refinement(*PAIRS[name]), pairs_refinement(*PAIRS[name])) for name in known} == known


def test_the_networks_are_of_different_power():
    """Each fails the test of the other: the law above can be broken from both sides."""
    pair = PAIRS["two triangles, hexagon"]
    weak, strong = (shaken(build()) for build, _ in NETWORKS.values())
    assert tells_apart(weak, pair) is not pairs_refinement(*pair)
    assert tells_apart(strong, pair) is not colour_refinement(*pair)


def cliques(x, size):
    return sum(all(x[i, j] for i, j in combinations(nodes, 2)) for nodes in combinations(range(len(x)), size))


def test_rook_and_shrikhande_are_two_graphs():
    """Strongly regular with the same numbers, and not isomorphic: only one has cliques of four, and counting them is
    more than the network does."""
    for x in (ROOK, SHRIKHANDE):
        assert torch.equal(x @ x, 6 * torch.eye(16) + 2 * x + 2 * (1 - x - torch.eye(16)))
    assert (cliques(ROOK, 4), cliques(SHRIKHANDE, 4)) == (8, 0)
    net = shaken(NETWORKS["PPGN"][0]())
    assert tells_apart(lambda x: net(x) + cliques(x[0, ..., 0], 4), (ROOK, SHRIKHANDE))
