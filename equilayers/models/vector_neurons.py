"""Vector Neurons: a network whose neurons are vectors."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from equilayers.errors import BadInput, BadRepresentation
from equilayers.layers import Linear, VectorReLU
from equilayers.layers.layer import check_channels, require_one_group
from equilayers.models.cost import count_macs
from equilayers.models.mlp import MLP
from equilayers.representations import Representation

__all__ = ["VectorNeurons"]


class VectorNeurons(nn.Module):
    r"""Linear maps of channels of vectors, and activations along learned directions, for any invariant form.

    .. math:: h_{l+1} = \mathrm{VectorReLU}(A_l h_l), \qquad y = A h, \qquad
              y_{\mathrm{scalar}} = f(\langle B h, C h\rangle, s)

    Vectors of the output are linear in the last features. Scalars are a perceptron of products of the features and of
    the scalars s of the input, which do not enter elsewhere.

    Args:
        in_rep: summands with an invariant form, and trivial ones.
        out_rep: summands of the input, and trivial ones.
        width: copies of every summand in a hidden layer.
        depth: number of hidden layers.

    Shapes:
        ``(*batch, in_rep.dim)`` to ``(*batch, out_rep.dim)``.

    Raises:
        BadRepresentation: a summand without a form, or one of the output that is not in the input.
        BadInput: no hidden layer.
        GroupMismatch: representations of two groups.

    Example:
        >>> import torch, equilayers as eq
        >>> V = eq.defining(eq.group("SO(3)"))
        >>> net = VectorNeurons(4 * V, V + 2 * eq.trivial(V.group), width=8)
        >>> net(torch.randn(5, 12)).shape
        torch.Size([5, 5])

    Source: Deng et al., Vector Neurons: A General Framework for SO(3)-Equivariant Networks (2021), section 3.
    """

    def __init__(self, in_rep: Representation, out_rep: Representation, width: int = 32, depth: int = 3) -> None:
        require_one_group("VectorNeurons", in_rep, out_rep)
        if depth < 1 or width < 1:
            raise BadInput(
                "Vector neurons have at least one hidden layer.",
                {"depth": depth, "width": width},
                "Give depth=3, width=32.",
            )
        super().__init__()
        self.in_rep, self.out_rep, self.width, self.depth = in_rep, out_rep, width, depth
        self.in_action, self.out_action = in_rep, out_rep
        vectors = list(dict.fromkeys(atom for _, atom in in_rep.terms if not atom.is_trivial))
        wanted = [(m, atom) for m, atom in out_rep.terms if not atom.is_trivial]
        missing = [atom for _, atom in wanted if atom not in vectors]
        if missing or not vectors:
            raise BadRepresentation(
                "Vector neurons take vectors, and give vectors of the kinds that they take.",
                {"in_rep": repr(in_rep), "out_rep": repr(out_rep), "never reached": missing},
                "Use InvariantScalars or EquivariantMLP.",
            )
        none = 0 * in_rep
        hidden = sum((width * atom for atom in vectors), none)
        layers: list[nn.Module] = []
        for source in [in_rep] + [hidden] * (depth - 1):
            layers += [Linear(source, hidden, bias=False), VectorReLU(hidden)]
        self.hidden = nn.Sequential(*layers)
        self.read_out = Linear(hidden, sum((m * atom for m, atom in wanted), none), bias=False)
        self.count = sum(m * atom.dim for m, atom in out_rep.terms if atom.is_trivial)
        self._scalars = tuple(s for s, (_, atom) in zip(in_rep.slices, in_rep.terms, strict=True) if atom.is_trivial)
        self._order = tuple((m * atom.dim, atom.is_trivial) for m, atom in out_rep.terms)
        if self.count:
            given = sum(s.stop - s.start for s in self._scalars)
            self.products = _Products(hidden)
            self.net = MLP(given + self.products.count, self.count, width=2 * width, depth=1)

    def reset_parameters(self) -> None:
        """As in each layer."""
        for module in self.modules():
            if module is not self and isinstance(module, (Linear, VectorReLU, MLP)):
                module.reset_parameters()

    @property
    def macs(self) -> int:
        """Multiply-accumulates of the matrix products for one input, as executed."""
        like = next(self.parameters())
        return count_macs(self, torch.zeros(1, self.in_rep.dim, dtype=like.dtype, device=like.device))

    def forward(self, x: Tensor) -> Tensor:
        """Outputs, without a last activation."""
        check_channels(x, self.in_rep.dim, -1, "VectorNeurons")
        h = self.hidden(x)
        vectors = self.read_out(h)
        scalars: Tensor = vectors
        if self.count:
            scalars = self.net(torch.cat([*(x[..., s] for s in self._scalars), self.products(h)], -1))
        parts: list[Tensor] = []
        vector = scalar = 0
        for size, is_scalar in self._order:
            if is_scalar:
                parts.append(scalars[..., scalar : scalar + size])
                scalar += size
            else:
                parts.append(vectors[..., vector : vector + size])
                vector += size
        return torch.cat(parts, -1) if parts else vectors


class _Products(nn.Module):
    """The form of two learned images of the features, copy by copy."""

    def __init__(self, rep: Representation) -> None:
        super().__init__()
        self.first, self.second = Linear(rep, rep, bias=False), Linear(rep, rep, bias=False)
        self.count = sum(m for m, _ in rep.terms)
        self.act = VectorReLU(rep)  # holds the forms
        self._sizes = tuple((atom.dim, m) for m, atom in rep.terms)

    def forward(self, x: Tensor) -> Tensor:
        sizes = [d * m for d, m in self._sizes]
        first, second = self.first(x).split(sizes, -1), self.act(self.second(x)).split(sizes, -1)
        out, forms = [], self.act.constants(x)
        for i, size in enumerate(self._sizes):
            a, b = first[i].unflatten(-1, size), second[i].unflatten(-1, size)
            out.append((a * (forms[f"form_{i}"] @ b)).sum(-2))
        return torch.cat(out, -1)
