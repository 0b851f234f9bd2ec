"""Whatever the package derives, as flat lists of numbers and texts: one function for each public name."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch

import equilayers as eq
from equilayers import groups, intertwiners, representations
from equilayers.errors import EquilayersError
from equilayers.numerics import isolation

Values = list[Any]
GROUPS = ("D4", "C8", "S4", "I", "SO(3)", "SU(3)", "SO(1,3)", "SE(2)")


class Turned(eq.MatrixGroup):
    """Turns of a plane in a skew basis: a user's own description."""

    def generators(self):
        return eq.Generators(lie=[[[0.5, -1.25], [1.0, -0.5]]])


class Swaps(eq.groups.PermutationGroup):
    """Symmetries of a hexagon on its corners, described by the user with tensors."""

    def generators(self):
        corners = torch.arange(6)
        return eq.Generators(discrete=torch.stack([(corners + 1) % 6, (-corners) % 6]))


def group(name: str) -> eq.groups.Group:
    return {"Turned": Turned, "Swaps": Swaps}[name]() if name in ("Turned", "Swaps") else eq.group(name)


def images(*reps: Any) -> Values:
    found: Values = []
    for rep in reps:
        found += [rep.dim, rep.name, rep.images.lie, rep.images.discrete, rep.is_orthogonal, rep.is_permutation]
    return found


def few(G: Any, most: int = 6) -> tuple[Any, ...]:
    return eq.irreps(G)[:most] if G.is_finite else eq.irreps(G, level=2, max_dim=10)[:most]


def facts(G: Any) -> Values:
    found = [G.name, G.order, G.is_compact, G.is_transpose_closed, G.fingerprint, G.lie_basis, G.structure_constants]
    return [*found, G.is_semisimple, G.description.discrete, len(G.discrete_generators)]


def subgroup(G: Any) -> Any:
    with isolation():  # a caller's own tensors are made in no mode
        chosen = G.discrete_generators[:1]
    return G.subgroup(chosen) if len(chosen) else G.subgroup(lie=np.eye(G.lie_dim)[:1])


def _irreps(G: Any) -> Values:
    return [value for i in few(G) for value in (i.label, i.type, i.endomorphisms, *images(i))]


def _decompose(G: Any) -> Values:
    V = eq.defining(G)
    found = eq.decompose(V @ V + 2 * eq.trivial(G))
    return [str(found.rep), found.matrix, found.inverse, found.residual]


def _hom(G: Any) -> Values:
    V = eq.defining(G)
    space = eq.hom(V @ V, V + 2 * eq.trivial(G))
    return [space.dim, space.route, space.certificate, space.residual, space.basis()]


def _blocks(G: Any) -> Values:
    V = eq.defining(G)
    return [part for b in eq.hom(V, V @ V).blocks for part in (b.irrep.label, b.dim, b.into, b.out_of)]


def _clebsch_gordan(G: Any) -> Values:
    V = few(G)[-1]
    return [eq.clebsch_gordan(V, V, few(G)[0])]


def _kernel_space(G: Any) -> Values:
    V = eq.irreps(G)[-1] if G.is_finite else eq.defining(G)
    plane = 2 * eq.trivial(G) if eq.defining(G).dim != 2 else eq.defining(G)
    space = intertwiners.kernel_space(V, V, (3, 3), plane)
    return [space.dim, space.exact, space.error, *(b.basis() for b in space.blocks)]


def _character(G: Any) -> Values:
    chi = eq.character(eq.defining(G))
    return [str(chi), *([chi.values, chi.inner(chi)] if G.is_finite else [])]


def _character_table(G: Any) -> Values:
    table = eq.character_table(G)
    return [str(table), table.values, G.conjugacy_classes.sizes]


def _permutation(G: Any) -> Values:
    return images(eq.permutation(G, G.permutation_generators if G.is_finite else []))


def _representation(G: Any) -> Values:
    V = eq.defining(G)
    given = eq.representation(G, V.images.discrete) if G.is_finite else eq.representation(G, lie=V.images.lie)
    return images(given)


def _isomorphism(G: Any) -> Values:
    V = eq.defining(G)
    return [eq.isomorphism(V + eq.trivial(G), eq.trivial(G) + V)]


def _restrict(G: Any) -> Values:
    H = subgroup(G)
    return [*facts(H), *images(eq.restrict(eq.defining(G) @ eq.defining(G), H))]


def _induce(G: Any) -> Values:
    return images(eq.induce(eq.trivial(subgroup(G)), G))


def _semidirect(G: Any) -> Values:
    C2, C3 = eq.group("C2"), eq.group("C3")
    return facts(groups.semidirect(C3, C2, lambda h, n: torch.where(h[:, :1, :1] > 0, n, n.mT)))


def _wreath(G: Any) -> Values:
    return facts(groups.wreath(eq.group("C2"), eq.group("S3") if G.is_finite else G))


def _product(G: Any) -> Values:
    product = groups.direct_product(G, eq.group("C2"))
    return [*facts(product), *images(*few(product))]


def _canonical_images(G: Any) -> Values:
    V = few(G)[-1]
    found = representations.canonical_images(V.images.lie, V.images.discrete, V.end_dim)
    return [found.lie, found.discrete, found.basis]


def _homomorphism(G: Any) -> Values:
    phi = eq.Homomorphism(G, G, lambda g: g)
    return [phi.lie_images]


def _diagrams(G: Any) -> Values:
    return [d.matrix(eq.defining(G).dim) for d in intertwiners.diagrams(G, 2, 2)]


DERIVATIONS: dict[str, Callable[[Any], Values]] = {
    "group": facts,
    "catalogue": lambda G: [entry.name for entry in groups.catalogue()],
    "direct_product": _product,
    "semidirect": _semidirect,
    "wreath": _wreath,
    "Homomorphism": _homomorphism,
    "trivial": lambda G: images(eq.trivial(G)),
    "defining": lambda G: images(eq.defining(G), eq.defining(G).dual, eq.defining(G).sym(2), eq.defining(G).alt(2)),
    "regular": lambda G: images(eq.regular(G)),
    "adjoint": lambda G: images(eq.adjoint(G)),
    "exterior": lambda G: images(eq.exterior(eq.defining(G))),
    "rep": lambda G: images(eq.rep(G, f"2x{few(G)[0].label} + {few(G)[-1].label}")),
    "irreps": _irreps,
    "irrep": lambda G: images(eq.irrep(G, few(G)[-1].label)),
    "decompose": _decompose,
    "isomorphism": _isomorphism,
    "character": _character,
    "character_table": _character_table,
    "permutation": _permutation,
    "representation": _representation,
    "restrict": _restrict,
    "induce": _induce,
    "quotient": lambda G: images(eq.quotient(G, subgroup(G))),
    "canonical_images": _canonical_images,
    "hom": _hom,
    "HomSpace.blocks": _blocks,
    "clebsch_gordan": _clebsch_gordan,
    "invariant_form": lambda G: [intertwiners.invariant_form(eq.defining(G) @ eq.defining(G), "any")],
    "kernel_space": _kernel_space,
    "diagrams": _diagrams,
    "permutation_diagrams": lambda G: [d.matrix(3) for d in intertwiners.permutation_diagrams(3, 2)],
}


def derive(name: str, of: str) -> Values:
    """The values, or the error where the group has none."""
    try:
        return DERIVATIONS[name](group(of))
    except EquilayersError as refused:
        return [type(refused).__name__, str(refused)]


def same(a: Iterable[Any], b: Iterable[Any]) -> bool:
    """The same values to the last bit, and arrays of numpy alone."""
    a, b = list(a), list(b)
    if len(a) != len(b):
        return False
    for x, y in zip(a, b, strict=True):
        if type(x) is not type(y) or isinstance(x, torch.Tensor):
            return False
        if isinstance(x, np.ndarray):
            if x.dtype != y.dtype or not np.array_equal(x, y):
                return False
        elif x != y:
            return False
    return True
