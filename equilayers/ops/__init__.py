"""Fixed maps, executed fast: functions on tensors, with group data as arrays in small frozen programs."""

from equilayers.ops.blocks import BlockLayout, expand_endomorphisms, invariant_vector, schur_linear, sum_of_products
from equilayers.ops.nodes import Exchange, Expansion, NodeProgram, Reduction, contract_nodes
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
    "contract_nodes",
    "expand_endomorphisms",
    "from_blocks",
    "invariant_vector",
    "schur_linear",
    "sum_of_products",
    "to_blocks",
]
