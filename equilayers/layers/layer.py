"""What every layer shares: exact constants, a checkpoint guard, pickling, and the two actions it stands between."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from equilayers.errors import BadInput, CheckpointMismatch, EquilayersError, GroupMismatch
from equilayers.layers.constants import WithConstants
from equilayers.layers.fingerprint import agree, sketch
from equilayers.representations import Representation

__all__ = ["Fingerprint", "Layer", "action_arrays", "check_channels", "require_one_group"]

Fingerprint = tuple[list[np.ndarray], list[np.ndarray], list[np.ndarray]]
FINGERPRINT = "fingerprint"  # the entry of a state dict; files of before hold it as torch's extra state
LEGACY_FINGERPRINT = "_extra_state"
FINGERPRINT_SIZE = 16
SKETCH = "v1"  # the rule of the sketch; what the arrays say needs no version


class Layer(WithConstants):
    """Base of all layers: a plain module that knows how the group acts on its input and its output.

    Args:
        in_action, out_action: a representation (acts on the last axis) or another action such as a grid field.
        exact: whether equivariance holds to rounding.
        error_bound: the recorded relative error of a layer that is not exact.

    A subclass registers what it derives from its representations with :meth:`register_constants`, reads it in
    ``forward`` with :meth:`constants`, and may override ``_derive_constants`` (then a pickle carries the
    representations and not the numbers), ``_fingerprint`` and ``_as_torch``. Its ``forward`` reads only numbers,
    tuples, parameters and constants.

    Attributes:
        fingerprint: ``(16,)`` integers below 256 that name the basis of the weights, an ordinary entry of the state
            dict; zeros in a module into which nothing was loaded.

    Example:
        >>> import torch, equilayers as eq
        >>> class Scale(Layer):
        ...     def __init__(self, rep):
        ...         super().__init__(rep, rep)
        ...         self.weight = nn.Parameter(torch.ones(1, 1))
        ...         self.register_constants({"third": np.array(1 / 3)})
        ...     def forward(self, x):
        ...         return self.weight[0, 0] * self.constants(x)["third"] * x
        >>> eq.testing.check_layer(Scale(eq.defining(eq.group("O(3)")))).ran > 25
        True
    """

    fingerprint: Tensor

    def __init__(
        self, in_action: Any, out_action: Any, *, exact: bool = True, error_bound: float | None = None
    ) -> None:
        super().__init__()
        self.in_action, self.out_action = in_action, out_action
        self.exact, self.error_bound = exact, error_bound
        self._guard_numbers: tuple[int, ...] | None = None
        self.register_buffer(FINGERPRINT, torch.zeros(FINGERPRINT_SIZE, dtype=torch.float32))

    # Checkpoint guard

    def __getstate__(self) -> dict[str, Any]:
        return super().__getstate__() | {"_pickled_fingerprint": self._guard}

    def __setstate__(self, state: dict[str, Any]) -> None:
        written = state["_pickled_fingerprint"]
        super().__setstate__({name: value for name, value in state.items() if name != "_pickled_fingerprint"})
        self._guard_numbers = None  # of the constants as derived here
        self._refuse_other_basis(written, "pickle")

    def _fingerprint(self) -> Fingerprint:
        """Arrays that fix the meaning of the weights, and the changes of basis of input and output (empty: none)."""
        arrays = list(self._constants.values())
        for action in (self.in_action, self.out_action):
            arrays += action_arrays(action)
        return arrays, [], []

    @property
    def _guard(self) -> tuple[int, ...]:
        if self._guard_numbers is None:
            meaning, *changes = self._fingerprint()
            numbers = sum((sketch(c, SKETCH, 2) if c else (0, 0, 0, 0) for c in changes), sketch(meaning, SKETCH))
            self._guard_numbers = numbers
        return self._guard_numbers

    def _refuse_other_basis(self, written: Any, source: str) -> None:
        """Compare with sixteen numbers of a checkpoint; where there are none, or zeros, nothing is known."""
        read = None if written is None else _integers(written)
        if written is None or read == (0,) * FINGERPRINT_SIZE:
            return
        own = self._guard
        same = read is not None and agree(read[:8], own[:8])
        for change in (slice(8, 12), slice(12, 16)):  # weights in Schur coordinates also serve the irrep basis itself
            if read is not None and same and any(read[change]) and any(own[change]):
                same = agree(read[change], own[change])
        if not same:
            raise CheckpointMismatch(
                f"These weights of a {type(self).__name__} belong to another basis.",
                {
                    "layer": self.extra_repr(),
                    "in this layer": list(own),
                    f"in the {source}": f"no fingerprint: {written!r:.60}" if read is None else list(read),
                },
                "Build the layer with the representations that it was trained with, in the same order.",
            )

    def _refuse_loaded_fingerprint(self) -> None:
        """Compare what a loader wrote into the buffer without asking the module."""
        if type(self.fingerprint) is Tensor and not self.fingerprint.is_meta:
            self._refuse_other_basis(self.fingerprint, "checkpoint")

    def _cast_to(self, dtype: torch.dtype, device: torch.device) -> dict[str, Tensor]:
        if not torch.compiler.is_compiling():
            self._refuse_loaded_fingerprint()
        return super()._cast_to(dtype, device)

    def _apply(self, fn: Any, recurse: bool = True) -> Layer:
        self._refuse_loaded_fingerprint()
        super()._apply(fn, recurse)
        return self

    def reset_constants(self) -> None:
        """Make the tensors anew from the arrays, for the module's own dtype and device, and forget what was loaded."""
        with torch.no_grad(), torch.inference_mode(self.fingerprint.is_inference()):
            self.fingerprint.zero_()  # to_empty() leaves anything there
        self._casts = {}
        if not self.fingerprint.is_meta:  # else at the first call, when weights are there to compare
            super().reset_constants()

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        held = destination[prefix + FINGERPRINT]
        if not held.is_meta:
            destination[prefix + FINGERPRINT] = torch.tensor(self._guard, dtype=held.dtype, device=held.device)

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        for name, layer in self.named_modules(prefix=prefix.removesuffix(".")):
            if isinstance(layer, Layer):  # all layers below, before the first tensor is copied
                key, legacy = (f"{name}.{entry}".removeprefix(".") for entry in (FINGERPRINT, LEGACY_FINGERPRINT))
                if legacy in state_dict:
                    state_dict.setdefault(key, state_dict.pop(legacy))
                layer._refuse_other_basis(state_dict.get(key), "checkpoint")
        super()._load_from_state_dict(state_dict, prefix, *args)

    def _as_torch(self) -> nn.Module | None:
        """Torch's own module for the eval-mode function; None where a graph of torch functions is needed."""
        return None

    def extra_repr(self) -> str:
        return f"{self.in_action!r} -> {self.out_action!r}"


def _integers(numbers: Any) -> tuple[int, ...] | None:
    """Sixteen integers below 256, up to the rounding of an average; None where it is something else."""
    try:
        values = [float(number) for number in (numbers.tolist() if isinstance(numbers, Tensor) else numbers)]
    except (TypeError, ValueError):
        return None
    if len(values) != FINGERPRINT_SIZE or not all(-0.5 < value < 255.5 for value in values):
        return None
    return tuple(round(value) for value in values)


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
