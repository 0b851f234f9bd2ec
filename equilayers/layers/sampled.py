"""Activation of band-limited functions on an infinite group, at finitely many of its elements."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from equilayers.errors import BadInput, BadRepresentation
from equilayers.layers.fields import FieldLayer
from equilayers.layers.norm_activation import require_orthogonal
from equilayers.numerics import hashed_numbers
from equilayers.representations import Irrep, Representation

__all__ = ["SampledActivation"]

MARGIN = 3.0  # of the recorded bound over the largest error seen


class SampledActivation(FieldLayer):
    r"""Features as Fourier coefficients of functions on the group, :math:`y = A f(S x)`, with samples at given
    elements.

    ``rep = signals * (k_1 * psi_1 + k_2 * psi_2 + ...)`` holds ``signals`` functions
    :math:`u(g) = \sum_\psi \sum_{ij} \sqrt{d_\psi}\, \psi(g)_{ij}\, x_{\psi, ij}`, j below :math:`k_\psi \le
    d_\psi`; S samples them, A is its least-squares inverse. Functions of a band-limited function are not
    band-limited, so this is not exact: ``error_bound`` records three times the largest error seen at
    construction; more elements lower it.

    Args:
        rep: a sum of irreps as above.
        elements: ``(N, *element_shape)`` samples of the group, spread evenly.
        signals: how many functions the features hold.
        function: elementwise torch function or module.
        dims: 0 for ``(*batch, dim)``; 1 to 3 for fields on a grid.
        plane: how the group acts on the grid; by default ``eq.defining(G)``.

    Shapes:
        ``(*batch, rep.dim)`` or ``(batch, rep.dim, *spatial)``, kept.

    Raises:
        BadRepresentation: a summand is not an irrep, is not orthogonal, or its multiplicity does not fit ``signals``.
        BadInput: too few elements to tell the functions apart.

    Example:
        >>> import torch, equilayers as eq
        >>> G = eq.group("SO(2)")
        >>> angles = torch.arange(48, dtype=torch.float64)[:, None] * (2 * torch.pi / 48)
        >>> layer = eq.layers.SampledActivation(eq.rep(G, "4x0 + 4x1 + 4x2"), G.exp(angles), 4, torch.tanh)
        >>> layer.exact, layer.error_bound < 1e-2
        (False, True)

    Source: Cohen, Geiger, Koehler, Welling, Spherical CNNs (2018), section 3, for the transform on SO(3).
    """

    def __init__(
        self,
        rep: Representation,
        elements: Tensor,
        signals: int,
        function: Callable[[Tensor], Tensor] = torch.relu,
        dims: int = 0,
        plane: Representation | None = None,
    ) -> None:
        require_orthogonal("SampledActivation", rep)
        super().__init__(rep, rep, dims, plane)
        self.function, self.signals = function, signals
        self._rows = tuple((atom.dim, self._columns(m, atom)) for m, atom in rep.terms)
        self._elements = elements.detach().clone()
        with torch.device("cpu"):  # this may be under construction on the meta device
            constants = self._derive_constants()
            self.exact, self.error_bound = False, MARGIN * self._largest_error(constants)
        self.register_constants(constants)

    def _columns(self, multiplicity: int, atom: Representation) -> int:
        columns, rest = divmod(multiplicity, self.signals)
        if not isinstance(atom, Irrep) or rest or columns > atom.dim:
            raise BadRepresentation(
                "SampledActivation needs signals * (k * irrep + ...) with k up to the dimension of the irrep.",
                {"summand": f"{multiplicity}x{atom}", "dim": atom.dim, "signals": self.signals},
                "Write signals * eq.rep(G, ...), in the irrep basis.",
            )
        return columns

    def _derive_constants(self) -> dict[str, np.ndarray]:
        parts = [
            np.sqrt(d) * atom(self._elements).detach().numpy()[:, :, :k].reshape(len(self._elements), d * k)
            for (d, k), (_, atom) in zip(self._rows, self.in_rep.terms, strict=True)
        ]
        sampling = np.concatenate(parts, 1) if parts else np.zeros((len(self._elements), 0))
        values = np.linalg.svd(sampling, compute_uv=False)
        if sampling.shape[1] and (len(values) < sampling.shape[1] or values[-1] < 1e-6 * values[0]):
            raise BadInput(
                "The samples do not tell the functions apart.",
                {"elements": len(self._elements), "coefficients of one function": sampling.shape[1]},
                "Give more elements, spread evenly over the group.",
            )
        return {"sampling": sampling, "analysis": np.linalg.pinv(sampling)}

    def _largest_error(self, constants: dict[str, np.ndarray]) -> float:
        group, rep = self.in_rep.group, self.in_rep
        x = 1.7 * torch.tensor(hashed_numbers("sampled activation", 8 * rep.dim)).view(8, rep.dim)
        sampling, analysis = (torch.tensor(constants[name]) for name in ("sampling", "analysis"))
        worst = 0.0
        with torch.no_grad():
            y = self._through(x, sampling, analysis)
            for g in group.sample(16, generator=torch.Generator().manual_seed(0)):
                error = self._through(rep.transform(g, x), sampling, analysis) - rep.transform(g, y)
                worst = max(worst, float(error.abs().max() / y.abs().max().clamp_min(1e-300)))
        return worst

    def _through(self, x: Tensor, sampling: Tensor, analysis: Tensor) -> Tensor:
        if not self._rows:
            return x
        s = self.signals
        pieces = x.split([d * k * s for d, k in self._rows], -1)
        coefficients = torch.cat([pieces[i].unflatten(-1, (d * k, s)) for i, (d, k) in enumerate(self._rows)], -2)
        result = torch.matmul(analysis, self.function(torch.matmul(sampling, coefficients)))
        return result.flatten(-2)

    def _on_last_axis(self, x: Tensor) -> Tensor:
        fixed = self.constants(x)
        return self._through(x, fixed["sampling"], fixed["analysis"])
