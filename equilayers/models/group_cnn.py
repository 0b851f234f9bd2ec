"""A group-equivariant convolutional network with regular fields."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from equilayers.errors import BadGroup, BadInput
from equilayers.groups import Group
from equilayers.layers import Conv2d, GroupPooling, InvariantReadout, PointwiseActivation
from equilayers.models.cnn import CNN, pooled_size
from equilayers.models.full_window import full_window
from equilayers.models.initialisation import GAIN, READ_OUT_GAIN
from equilayers.representations import GridField, Representation, defining, regular, trivial

__all__ = ["GroupCNN"]


class GroupCNN(nn.Module):
    r"""Convolution, convolution, pooling, convolution over all that is left, mean over the group, linear read-out.

    .. math:: 1 \to w\,\mathrm{reg} \to 2w\,\mathrm{reg} \to 2w\,\mathrm{reg} \to 2w \to \text{classes}

    Its output is invariant: ``model(g x) = model(x)``, to rounding where the group maps the pixels onto themselves.
    Elsewhere ``exact`` is False. The layers are those of :class:`CNN` with group fields for channels.

    Args:
        group: a finite group; C_n and D_n act on the plane by their defining representation.
        width: w, the number of fields after the first convolution.
        size, channels, classes, first, poolings: as in :class:`CNN`.
        plane: how the group acts on the grid; by default ``eq.defining(G)``.

    Shapes:
        ``(batch, channels, size, size)`` to ``(batch, classes)``.

    Raises:
        BadGroup: the group is not finite, so it has no regular representation.
        BadInput: as :class:`CNN`.

    Example:
        >>> import torch, equilayers as eq
        >>> net = GroupCNN(eq.group("C4"), 8)
        >>> net(torch.zeros(2, 1, 8, 8)).shape, sum(p.numel() for p in net.parameters()), net.macs
        (torch.Size([2, 10]), 21274, 1263776)

    Source: Cohen and Welling, Group Equivariant Convolutional Networks (2016), section 8.1.
    """

    def __init__(
        self,
        group: Group,
        width: int,
        size: int = 8,
        channels: int = 1,
        classes: int = 10,
        first: int = 3,
        poolings: int = 1,
        plane: Representation | None = None,
    ) -> None:
        super().__init__()
        if not group.is_finite:
            raise BadGroup(
                "GroupCNN has regular fields, so its group must be finite.",
                {"group": group},
                'Take a finite subgroup: eq.group("C8") for SO(2), eq.group("D8") for O(2).',
            )
        left = pooled_size(size, poolings, first)
        self.group, self.width, self.size, self.channels, self.classes = group, width, size, channels, classes
        self.first, self.poolings = first, poolings
        plane = defining(group) if plane is None else plane
        image, few, many = channels * trivial(group), width * regular(group), 2 * width * regular(group)
        self.in_action, self.out_action = GridField(image, plane=plane, size=(size, size)), classes * trivial(group)
        self.conv1 = Conv2d(image, few, first, padding=first // 2, plane=plane)
        self.act1 = PointwiseActivation(few, F.relu, dims=2, plane=plane)
        self.conv2 = Conv2d(few, many, 3, padding=1, plane=plane)
        self.act2 = PointwiseActivation(many, F.relu, dims=2, plane=plane)
        self.conv3 = _WholeGrid(many, many, left, plane=plane)
        self.act3 = PointwiseActivation(many, F.relu)
        self.pool = GroupPooling(many, "mean", dims=0)
        self.read_out = InvariantReadout(2 * width * trivial(group), classes)
        self.exact = all(layer.exact for layer in (self.conv1, self.conv2, self.conv3))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Unit second moment times the square root of 2, a tenth of it for the read-out; zero bias."""
        for layer in (self.conv1, self.conv2, self.conv3, self.read_out):
            layer.reset_parameters()
            with torch.no_grad():
                for name, parameter in layer.named_parameters():
                    if name != "bias":
                        parameter.mul_(READ_OUT_GAIN if layer is self.read_out else GAIN)

    @property
    def macs(self) -> int:
        """Multiply-accumulates for one image with expanded filters, padding counted."""
        inner = self.size // 2 if self.poolings == 2 else self.size
        total = 2 * self.width * self.classes
        for layer, pixels in ((self.conv1, self.size**2), (self.conv2, inner**2), (self.conv3, 1)):
            total += pixels * layer.in_dim * layer.out_dim * layer.kernel_size[0] * layer.kernel_size[1]
        return total

    def twin(self, match: str = "parameters") -> CNN:
        """The plain network of as many parameters, or of as many multiply-accumulates (``match="flops"``)."""
        from equilayers.models.twins import twin

        found = twin(self, match)
        assert isinstance(found, CNN)
        return found

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        # Pooling and the wide convolution are fastest with channels last; expanded filters would not ask for it.
        # By axes, since vmap knows no memory format.
        x = self.act1(self.conv1(x).permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2))
        if self.poolings == 2:
            x = F.avg_pool2d(x, 2)
        x = F.avg_pool2d(self.act2(self.conv2(x)), 2)
        return self.read_out(self.pool(self.act3(self.conv3(x).flatten(1))))


class _WholeGrid(Conv2d):
    """A convolution over the whole grid: one matrix product, the same function."""

    def forward(self, x: Tensor) -> Tensor:
        if isinstance(x, Tensor) and tuple(x.shape[-2:]) != self.kernel_size:
            raise BadInput(
                "The network is built for one size of the grid.",
                {"grid after pooling": tuple(x.shape[-2:]), "window": self.kernel_size},
                "Give GroupCNN(..., size=) the rows of your images.",
            )
        return full_window(x, self.filter(), self.expanded_bias())[..., None, None]
