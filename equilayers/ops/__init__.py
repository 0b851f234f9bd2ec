"""Fixed maps, executed fast: functions on tensors, with group data as arrays in small frozen programs."""

from equilayers.ops.attention import attend
from equilayers.ops.blocks import BlockLayout, expand_endomorphisms, invariant_vector, schur_linear, sum_of_products
from equilayers.ops.lengths import direction, norm
from equilayers.ops.masks import keep, require_mask
from equilayers.ops.nodes import Exchange, Expansion, NodeProgram, Reduction, contract_nodes
from equilayers.ops.precision import full_precision, widened
from equilayers.ops.transforms import Block, Term, TransformLayout, from_blocks, to_blocks

__all__ = [
    "Block",
    "BlockLayout",
    "Exchange",
    "Expansion",
    "NodeProgram",
    "Reduction",
    "Term",
    "TransformLayout",
    "attend",
    "contract_nodes",
    "direction",
    "expand_endomorphisms",
    "from_blocks",
    "full_precision",
    "invariant_vector",
    "keep",
    "norm",
    "require_mask",
    "schur_linear",
    "sum_of_products",
    "to_blocks",
    "widened",
]
