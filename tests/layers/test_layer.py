"""The base of all layers: constants, the checkpoint guard, pickles, chains."""

from __future__ import annotations

import copy
import io
import pickle

import numpy as np
import pytest
import torch
from torch import nn

import equilayers as eq
from equilayers import layers as L
from equilayers.errors import (
    BadInput,
    CheckpointMismatch,
    EquilayersError,
    GroupMismatch,
    RepresentationMismatch,
)
from equilayers.layers.fingerprint import agree, sketch
from equilayers.layers.sequential import actions_agree

G = eq.group("D4")
V, W = 2 * eq.regular(G), 3 * eq.regular(G)


def irreps_of(rep):
    return eq.decompose(rep).rep


def reordered(rep, seed):
    """The same irreps in other coordinates: an equivalent representation given by matrices."""
    q = np.linalg.qr(np.random.default_rng(seed).normal(size=(rep.dim, rep.dim)))[0]
    return eq.representation(G, q @ rep.images.discrete @ q.T)


# Constants


def test_constants_are_those_of_the_input_s_dtype_after_every_conversion():
    layer = L.Linear(V, W)
    exact = torch.tensor(layer._constants["into_0"])
    for convert in (lambda m: m, nn.Module.double, nn.Module.half, nn.Module.bfloat16, nn.Module.share_memory):
        convert(layer)
        for dtype in (torch.float64, torch.float32, torch.bfloat16, torch.float16):
            assert layer.constants(torch.zeros(1, dtype=dtype))["into_0"].equal(exact.to(dtype))
    assert "into_0" not in {**layer.state_dict(), **dict(layer.named_buffers())}
    assert not layer._constants["into_0"].flags.writeable


def test_device_and_dtype_reach_parameters_and_constants():
    layer = L.Linear(V, W, dtype=torch.float64)
    assert {p.dtype for p in layer.parameters()} == {torch.float64} == {key[0] for key in layer._casts}
    assert all(t.is_meta for t in L.Linear(V, W, device="meta").state_dict(keep_vars=True).values() if t.requires_grad)


# Checkpoint guard


def test_sketch_tolerates_rounding_and_nothing_else():
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=shape) for shape in ((3, 8, 8), (5,), (2, 2))]
    own = sketch(arrays, "v1")
    assert agree(own, sketch([a + 1e-11 * rng.normal(size=a.shape) for a in arrays], "v1"))
    twins = [[a + 1e-2 * (i == j) for j, a in enumerate(arrays)] for i in range(3)]
    twins += [arrays[::-1], arrays[:2], [*arrays, np.zeros(0)], [*arrays, np.zeros((1, 1))]]
    assert not any(agree(own, sketch(twin, "v1")) for twin in twins[:5])
    assert not agree(own, sketch(twins[6], "v1"))
    assert not agree(own, sketch(arrays, "v2"))


def test_weights_of_another_basis_are_refused_and_own_weights_kept():
    layer, other = L.Linear(reordered(eq.regular(G), 1), V), L.Linear(reordered(eq.regular(G), 2), V)
    before = copy.deepcopy(layer.state_dict())
    assert {n: p.shape for n, p in layer.named_parameters()} == {n: p.shape for n, p in other.named_parameters()}
    for strict, assign in ((True, False), (False, False), (True, True)):
        with pytest.raises(CheckpointMismatch, match="belong to another basis"):
            layer.load_state_dict(other.state_dict(), strict=strict, assign=assign)
    for name, tensor in layer.state_dict().items():
        assert tensor.equal(before[name])


def test_a_chain_refuses_before_its_first_layer_is_overwritten():
    middle = [reordered(eq.regular(G), seed) for seed in (1, 2)]
    chains = [L.Sequential(L.Linear(V, W), L.Linear(W, m), L.Linear(m, V)) for m in middle]
    before = chains[0][0].weight_A1.clone()
    with pytest.raises(CheckpointMismatch):
        chains[0].load_state_dict(chains[1].state_dict())
    assert chains[0][0].weight_A1.equal(before)


def test_the_guard_survives_averages_casts_and_files():
    layer = L.Linear(V, W)
    state = {k: v.clone() for k, v in layer.state_dict().items()}
    for value in state.values():
        value.mul_(0.9).add_(value / 9)
    layer.load_state_dict(state)
    layer.load_state_dict({k: v.to(torch.bfloat16) for k, v in layer.state_dict().items()})
    file = io.BytesIO()
    torch.save(layer.state_dict(), file)
    file.seek(0)
    layer.load_state_dict(torch.load(file, weights_only=True))
    nn.Sequential(layer).load_state_dict(nn.Sequential(copy.deepcopy(layer)).state_dict())


def test_a_missing_fingerprint_is_reported_when_strict():
    layer = L.Linear(V, W)
    state = layer.state_dict()
    del state["fingerprint"]
    with pytest.raises(RuntimeError, match="fingerprint"):
        layer.load_state_dict(state)
    layer.load_state_dict(state, strict=False)


def test_every_word_of_the_fingerprint_counts():
    layer = L.Linear(V, W)
    for index in range(0, 16, 2):
        state = layer.state_dict()
        state["fingerprint"] = state["fingerprint"].clone()
        state["fingerprint"][index] = (state["fingerprint"][index] + 7) % 256
        with pytest.raises(CheckpointMismatch):
            layer.load_state_dict(state)


# Copies


def test_a_pickle_recomputes_its_constants_and_refuses_others():
    layer = L.Linear(V, W).double()
    assert layer.__getstate__()["_constants"] is None
    twin = pickle.loads(pickle.dumps(layer))
    assert twin._constants["into_0"].tobytes() == layer._constants["into_0"].tobytes()
    state = layer.__getstate__()
    state["_pickled_fingerprint"] = tuple((n + 9) % 256 for n in state["_pickled_fingerprint"])
    with pytest.raises(CheckpointMismatch, match="pickle"):
        L.Linear.__new__(L.Linear).__setstate__(state)


def test_copies_share_the_read_only_arrays():
    layer = L.Linear(V, W)
    twin = copy.deepcopy(layer)
    assert twin._constants["into_0"] is layer._constants["into_0"]
    assert twin.in_rep is layer.in_rep
    twin.double()
    assert {key[0] for key in layer._casts} == {torch.float32}


# Chains


def test_actions_are_compared_on_matrices_and_not_on_names():
    H = G.subgroup(G.discrete_generators)
    assert actions_agree(eq.restrict(eq.defining(G), H), eq.restrict(eq.defining(G), H))
    same = eq.representation(G, eq.defining(G).images.discrete)
    assert same != eq.defining(G) and actions_agree(same, eq.defining(G))
    assert not actions_agree(eq.defining(G) + eq.defining(G), 2 * eq.defining(G))
    assert not actions_agree(eq.regular(G), irreps_of(eq.regular(G)))
    R = eq.group("SO(3)")
    assert not actions_agree(eq.rep(R, "1x0 + 1x1"), eq.rep(R, "1x1 + 1x0"))


def test_a_change_of_basis_that_mends_is_named():
    with pytest.raises(RepresentationMismatch, match=r"Insert equilayers\.layers\.ChangeBasis"):
        L.Sequential(L.Linear(V, W), L.Linear(irreps_of(W), V))
    with pytest.raises(RepresentationMismatch, match="equivalent, in another basis"):
        L.Sequential(L.Linear(V, 2 * eq.defining(G)), L.NormActivation(eq.defining(G) + eq.defining(G)))
    L.Sequential(L.Linear(V, W), L.ChangeBasis(W, irreps_of(W)), L.Linear(irreps_of(W), V))


def test_other_mismatches_say_what_to_do():
    with pytest.raises(RepresentationMismatch, match="Build the second layer"):
        L.Sequential(L.Linear(V, W), L.Linear(V, W))
    C4 = G.subgroup(G.discrete_generators[:1])
    smaller = eq.restrict(W, C4)
    with pytest.raises(RepresentationMismatch, match="Restriction"):
        L.Sequential(L.Linear(V, W), L.Linear(smaller, smaller))
    L.Sequential(L.Linear(V, W), L.Restriction(W, C4), L.Linear(smaller, smaller))
    with pytest.raises(BadInput, match="know their actions"):
        L.Sequential(L.Linear(V, W), nn.ReLU())
    with pytest.raises(BadInput, match="at least one layer"):
        L.Sequential()


def test_wrong_input_and_wrong_group_are_refused():
    with pytest.raises(BadInput, match="acts on 16 components"):
        L.Linear(V, W)(torch.zeros(3, 15))
    with pytest.raises(BadInput, match="axis 1"):
        L.NormActivation(V, dims=2)(torch.zeros(3, 15, 4, 4))
    with pytest.raises(GroupMismatch, match="representations of one group"):
        L.Linear(V, eq.regular(eq.group("C4")))
    with pytest.raises(EquilayersError, match="takes representations"):
        L.Linear(16, V)
    with pytest.raises(RepresentationMismatch, match="equivalent"):
        L.ChangeBasis(V, 4 * eq.defining(G) + 8 * eq.trivial(G))
