"""Constants of a module that no conversion, average, loader or sharding can reach."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from equilayers.errors import BadInput
from equilayers.numerics import isolation

__all__ = ["WithConstants"]


class WithConstants(nn.Module):
    """A module with fixed arrays, derived from representations, beside its parameters.

    Constants are no state: neither parameters nor buffers, but float64 (or integer) arrays that are cast once for each
    dtype and device in which an input arrives. Whatever converts, averages, loads, shards or empties the tensors of a
    module leaves them as they are. A subclass that overrides ``_derive_constants`` is pickled without the arrays.

    Example:
        >>> class Third(WithConstants):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.register_constants({"third": np.array(1 / 3)})
        ...     def forward(self, x):
        ...         return self.constants(x)["third"] * x
        >>> Third().half()(torch.ones((), dtype=torch.float64)).item() == 1 / 3
        True
    """

    def __init__(self) -> None:
        super().__init__()
        self._constants: dict[str, np.ndarray] = {}
        self._exact: dict[str, Tensor] = {}  # the same memory as tensors, which a compiler can follow
        self._casts: dict[tuple[torch.dtype, torch.device], dict[str, Tensor]] = {}
        self._home = _somewhere(torch.empty(0))  # holds nothing: it follows the module's conversions

    def register_constants(
        self,
        arrays: Mapping[str, np.ndarray],
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        """Keep arrays, which :meth:`constants` hands out as tensors.

        Args:
            arrays: by name; added to those that are there.
            device, dtype: of the inputs to expect, for which the tensors are made at once.
        """
        self._keep(arrays)
        self._home = _somewhere(torch.empty(0, device=device, dtype=dtype))
        self.reset_constants()

    def constants(self, like: Tensor) -> dict[str, Tensor]:
        """All constants by name: real ones in the dtype of ``like``, all on its device.

        Args:
            like: a tensor that they are multiplied with.

        Raises:
            BadInput: there are real constants, and ``like`` holds integers.
        """
        if type(like) is not Tensor and type(like) is not nn.Parameter:
            return self._constants_like(like)
        held = self._casts.get((like.dtype, like.device))
        return self._cast_to(like.dtype, like.device) if held is None else held

    def reset_constants(self) -> None:
        """Make the tensors anew from the arrays, for the module's own dtype and device."""
        self._casts = {}
        if self._constants:
            self._cast_to(self._home.dtype, self._home.device)

    def _constants_like(self, like: Any) -> dict[str, Tensor]:
        """For stand-ins: a fake tensor's constants are fake and not kept; a tracer gets those of the module itself."""
        if isinstance(like, torch.fx.Proxy):
            return self._cast_to(*self._own_place())
        exact = {name: torch.tensor(array) for name, array in self._constants.items()}
        return _converted(exact, like.dtype, like.device)

    def _keep(self, arrays: Mapping[str, np.ndarray]) -> None:
        for name, given in arrays.items():
            array = np.array(given, dtype=np.float64 if np.asarray(given).dtype.kind == "f" else np.int64)
            with isolation():
                self._exact[name] = torch.from_numpy(array)
            array.setflags(write=False)
            self._constants[name] = array

    def _own_place(self) -> tuple[torch.dtype, torch.device]:
        """Dtype and device of the module."""
        own = next((p for p in self.parameters(recurse=False) if p.is_floating_point()), self._home)
        return own.dtype, _somewhere(own).device

    def _cast_to(self, dtype: torch.dtype, device: torch.device) -> dict[str, Tensor]:
        if torch.compiler.is_compiling():  # the conversion becomes part of the graph
            return _converted(self._exact, dtype, device)
        with isolation():
            tensors = _converted(self._exact, dtype, device)
        self._casts[dtype, device] = tensors
        return tensors

    def _apply(self, fn: Any, recurse: bool = True) -> WithConstants:
        super()._apply(fn, recurse)  # .double(), .to(), to_empty() and share_memory() all pass here
        self._home = _somewhere(fn(self._home))
        self.reset_constants()
        return self

    def _derive_constants(self) -> dict[str, np.ndarray]:
        """The constants, again from the representations; the base carries the numbers themselves."""
        return dict(self._constants)

    def __deepcopy__(self, memo: dict[int, Any]) -> WithConstants:
        twin = type(self).__new__(type(self))
        memo[id(self)] = twin
        for shared in (self._constants, self._exact, self._casts):  # nobody writes to these arrays and tensors
            memo[id(shared)] = dict(shared)
        twin.__dict__.update({name: copy.deepcopy(value, memo) for name, value in self.__dict__.items()})
        return twin

    def __getstate__(self) -> dict[str, Any]:
        derived = type(self)._derive_constants is not WithConstants._derive_constants
        return self.__dict__ | {"_casts": {}, "_exact": {}, "_constants": None if derived else self._constants}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        arrays, self._constants = self._constants, {}
        self._keep(self._derive_constants() if arrays is None else arrays)
        self.reset_constants()


def _converted(exact: Mapping[str, Tensor], dtype: torch.dtype, device: torch.device) -> dict[str, Tensor]:
    if not (dtype.is_floating_point or dtype.is_complex) and any(t.is_floating_point() for t in exact.values()):
        raise BadInput(
            "Layers multiply by real numbers and take floating-point input.", {"dtype": dtype}, "Write x.float()."
        )
    return {name: t.to(device, dtype if t.is_floating_point() else torch.int64) for name, t in exact.items()}


def _somewhere(tensor: Tensor) -> Tensor:
    """Empty, of the tensor's dtype and device; on the processor for one that is nowhere."""
    return torch.empty(0, dtype=tensor.dtype, device="cpu" if tensor.is_meta else tensor.device)
