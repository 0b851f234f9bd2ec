"""What every layer shares: exact constants, a checkpoint guard, pickling, and the two actions it stands between."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from equilayers.errors import BadInput, CheckpointMismatch, EquilayersError, GroupMismatch
from equilayers.groups import ALGORITHM_VERSION
from equilayers.layers.fingerprint import agree, sketch
from equilayers.numerics import untraced
from equilayers.representations import Representation

__all__ = ["Fingerprint", "Layer", "action_arrays", "check_channels", "require_one_group"]

Fingerprint = tuple[list[np.ndarray], list[np.ndarray], list[np.ndarray]]
EXTRA_STATE = "_extra_state"  # torch's own key


class Layer(nn.Module):
    """Base of all layers: a plain module that knows how the group acts on its input and its output.

    Args:
        in_action, out_action: a representation (acts on the last axis) or another action such as a grid field.
        exact: whether equivariance holds to rounding.
        error_bound: the recorded relative error of a layer that is not exact.

    A subclass registers what it derives from its representations with :meth:`register_constant`, and may override
    ``_derive_constants`` (then a pickle carries the representations and not the numbers), ``_fingerprint`` and
    ``_to_torch``. Its ``forward`` reads only numbers, tuples and tensors stored by the constructor.

    Example:
        >>> import torch, equilayers as eq
        >>> class Scale(Layer):
        ...     def __init__(self, rep):
        ...         super().__init__(rep, rep)
        ...         self.weight = nn.Parameter(torch.ones(1, 1))
        ...     def forward(self, x):
        ...         return self.weight[0, 0] * x
        >>> eq.testing.check_layer(Scale(eq.defining(eq.group("O(3)")))).ran > 25
        True
    """

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        if "__init__" in vars(cls):
            untraced(cls.__init__)

    def __init__(
        self, in_action: Any, out_action: Any, *, exact: bool = True, error_bound: float | None = None
    ) -> None:
        super().__init__()
        self.in_action, self.out_action = in_action, out_action
        self.exact, self.error_bound = exact, error_bound
        self._constants: dict[str, np.ndarray] = {}

    # Constants

    def register_constant(
        self,
        name: str,
        array64: np.ndarray,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        """A non-persistent buffer that every conversion refills from the float64 (or integer) array."""
        array = np.array(array64)
        if array.dtype.kind == "f":
            array, dtype = array.astype(np.float64), dtype or torch.get_default_dtype()
        else:
            array, dtype = array.astype(np.int64), torch.int64
        array.setflags(write=False)
        self._constants[name] = array
        self.register_buffer(name, torch.tensor(array, dtype=dtype, device=device), persistent=False)

    def _refill(self) -> None:
        with torch.no_grad():
            for name, array in self._constants.items():
                buffer = self._buffers[name]
                if buffer is not None and not buffer.is_meta:
                    buffer.copy_(torch.tensor(array, device="cpu"))  # in place: aliases and sharing survive

    def _apply(self, fn: Any, recurse: bool = True) -> Layer:
        super()._apply(fn, recurse)  # .double(), .to(), to_empty() and share_memory() all pass here
        self._refill()
        return self

    def _derive_constants(self) -> dict[str, np.ndarray]:
        """The constants, again from the representations; the base carries the numbers themselves."""
        return dict(self._constants)

    # Copies

    def __deepcopy__(self, memo: dict[int, Any]) -> Layer:
        twin = type(self).__new__(type(self))
        memo[id(self)] = twin
        memo[id(self._constants)] = dict(self._constants)  # the arrays are read-only: share them
        twin.__dict__.update({name: copy.deepcopy(value, memo) for name, value in self.__dict__.items()})
        return twin

    def __getstate__(self) -> dict[str, Any]:
        state = dict(self.__dict__)
        if type(self)._derive_constants is not Layer._derive_constants:
            state["_constants"] = None
        return state | {"_pickled_fingerprint": self._guard}

    def __setstate__(self, state: dict[str, Any]) -> None:
        state = dict(state)
        written = state.pop("_pickled_fingerprint")
        super().__setstate__(state)
        if self._constants is None:
            self._constants = {}
            for name, array in self._derive_constants().items():
                array.setflags(write=False)
                self._constants[name] = array
        self._refuse_other_basis(written, "pickle")
        self._refill()

    # Checkpoint guard

    def _fingerprint(self) -> Fingerprint:
        """Arrays that fix the meaning of the weights, and the changes of basis of input and output (empty: none)."""
        arrays = list(self._constants.values())
        for action in (self.in_action, self.out_action):
            arrays += action_arrays(action)
        return arrays, [], []

    @property
    def _guard(self) -> tuple[int, ...]:
        text = f"v{ALGORITHM_VERSION}"
        meaning, *changes = self._fingerprint()
        return sum((sketch(c, text, 2) if c else (0, 0, 0, 0) for c in changes), sketch(meaning, text))

    def get_extra_state(self) -> Tensor:
        """The basis of the weights: sixteen integers below 256, as float32, which averaging leaves alone."""
        return torch.tensor(self._guard, dtype=torch.float32, device="cpu")

    def set_extra_state(self, state: Tensor) -> None:
        """Nothing: the comparison is made before any weight is overwritten."""

    def _refuse_other_basis(self, written: Any, source: str) -> None:
        if written is None:
            return  # strict loading reports the missing key
        read = [round(float(value)) for value in written]
        own = list(self._guard)
        same = len(read) == 16 and agree(read[:8], own[:8])
        for change in (slice(8, 12), slice(12, 16)):  # weights in Schur coordinates also serve the irrep basis itself
            if same and any(read[change]) and any(own[change]):
                same = agree(read[change], own[change])
        if not same:
            raise CheckpointMismatch(
                f"These weights of a {type(self).__name__} belong to another basis.",
                {"layer": self.extra_repr(), "in this layer": own, f"in the {source}": read},
                "Build the layer with the representations that it was trained with, in the same order.",
            )

    def _load_from_state_dict(self, state_dict: Mapping[str, Any], prefix: str, *args: Any) -> None:
        for name, layer in self.named_modules(prefix=prefix.removesuffix(".")):
            if isinstance(layer, Layer):  # all layers below, before the first tensor is copied
                layer._refuse_other_basis(state_dict.get(f"{name}.{EXTRA_STATE}".removeprefix(".")), "checkpoint")
        super()._load_from_state_dict(state_dict, prefix, *args)

    # Out of the library

    def _to_torch(self) -> nn.Module:
        """The eval-mode function without equilayers; the base traces ``forward`` into torch functions."""
        from equilayers.layers.conversion import traced

        return traced(self)

    def extra_repr(self) -> str:
        return f"{self.in_action!r} -> {self.out_action!r}"


def action_arrays(action: Any) -> list[np.ndarray]:
    """What an action does, atom by atom: never on the multiplied-out dimension."""
    rep = getattr(action, "rep", action)
    if not isinstance(rep, Representation):
        return []
    arrays = []
    for multiplicity, atom in rep.terms:
        arrays += [np.array([multiplicity, atom.dim]), atom.images.lie, atom.images.discrete]
    return arrays


def check_channels(x: Tensor, dim: int, axis: int, layer: str) -> None:
    """Raise unless ``x`` has ``dim`` components on ``axis``; a tracer's proxy has no shape yet and passes."""
    if isinstance(x, Tensor) and (x.ndim < 1 + (axis == 1) or x.shape[axis] != dim):
        wanted = f"(*batch, {dim})" if axis == -1 else f"(batch, {dim}, *spatial)"
        raise BadInput(
            f"{layer} acts on {dim} components on axis {axis}.",
            {"input": tuple(x.shape), "expected": wanted},
            "Check the representation of the layer before, or the order of the axes.",
        )


def require_one_group(layer: str, in_rep: Representation, out_rep: Representation) -> None:
    """Raise unless both are representations of one group."""
    for name, rep in (("in_rep", in_rep), ("out_rep", out_rep)):
        if not isinstance(rep, Representation):
            raise EquilayersError(
                f"{layer} takes representations.", {name: repr(rep)}, 'Write eq.rep(G, "...") or eq.regular(G).'
            )
    if in_rep.group != out_rep.group:
        raise GroupMismatch(
            f"{layer} needs two representations of one group.",
            {"in_rep": repr(in_rep), "out_rep": repr(out_rep)},
            "Restrict one of them: eq.restrict(in_rep, H).",
        )
