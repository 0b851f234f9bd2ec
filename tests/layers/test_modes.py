"""Every layer in every mode in which torch runs its own: the cases are discovered from ``cases_*.py``."""

from __future__ import annotations

import copy
import io
import pickle

import numpy as np
import pytest
import torch
from torch import nn

import equilayers as eq
from equilayers import layers
from equilayers.errors import BadInput
from equilayers.layers import Layer

STOCHASTIC = ("FieldDropout",)  # different in training by design, and so are batch statistics
DIFFERENT_IN_TRAINING = (*STOCHASTIC, "FieldBatchNorm")
REGISTERED = 49  # cases of this room at least; the discovered product cannot shrink unnoticed


def fill(layer: nn.Module, seed: int = 3) -> nn.Module:
    """Random values in every parameter, so that a bias that starts at zero is seen."""
    rng = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=rng) * 0.3)
    return layer


def inputs(layer, n=4, dtype=torch.float64, seed=5):
    return layer.in_action.sample_input(n, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def has(layer, names) -> bool:
    return any(type(m).__name__ in names for m in layer.modules())


def close(a, b, tolerance=1e-12):
    assert a.shape == b.shape
    a, b = a.detach(), b.detach()
    if a.numel():
        assert float((a - b).abs().max()) <= tolerance * max(1.0, float(b.abs().max()))


@torch.no_grad()
def equivariance_error(layer, x):
    """Largest relative error over elements, divided by the norms of what represents them."""
    group = layer.in_action.group
    elements = group.sample(3, generator=torch.Generator().manual_seed(11))
    y, worst = layer(x), 0.0
    for g in elements:
        gx = layer.in_action.transform(g, x)
        moved, expected = layer(gx), layer.out_action.transform(g, y)
        if moved.numel():
            growth = max(1.0, float(gx.abs().max() / x.abs().max()) if x.numel() else 1.0)
            scale = max(float(y.abs().max()), float(expected.abs().max()), 1e-3)
            worst = max(worst, float((moved - expected).abs().max()) / (growth * scale))
    return worst


def after_double(build):
    return fill(build().double())


def after_half(build):
    return fill(build()).half().double()


def after_meta(build):
    with torch.device("meta"):
        layer = build()
    layer = layer.to_empty(device="cpu").double()
    for module in layer.modules():
        if hasattr(module, "reset_parameters"):
            module.reset_parameters()  # running statistics, as for torch's own layers
    return fill(layer)


def test_every_public_layer_is_among_the_cases(all_cases):
    assert len(all_cases["CASES"]) >= REGISTERED and len(all_cases["EMPTY"]) >= 25
    used = {
        type(m).__name__ for build in all_cases["CASES"].values() for m in build().modules() if isinstance(m, Layer)
    }
    assert used >= {name for name in layers.__all__ if name[0].isupper()} - {"Layer"}


@pytest.mark.parametrize("convert", [after_double, after_half, after_meta])
def test_float64_is_exact_after_every_conversion(build, convert):
    layer = convert(build).eval()
    x = inputs(layer)
    bound = 1e-12 if layer.exact else layer.error_bound
    assert equivariance_error(layer, x) <= bound
    reference = build().double().eval()
    reference.load_state_dict(layer.state_dict())
    close(layer(x), reference(x))


def test_a_constant_kept_in_float32_is_noticed():
    class Naive(Layer):
        def __init__(self):
            from equilayers import defining, group

            super().__init__(defining(group("SO(3)")), defining(group("SO(3)")))
            self.register_buffer("scale", torch.tensor([1.0, 1.0, 1.0 + 1e-7]))

        def forward(self, x):
            return x * self.scale.to(x.dtype)

    layer = Naive().double()
    assert equivariance_error(layer, inputs(layer)) > 1e-12


def test_compiles_as_one_graph_with_backward(build):
    torch._dynamo.reset()
    layer = fill(build().double()).eval()
    twin = copy.deepcopy(layer)
    compiled = torch.compile(twin, fullgraph=True, backend="aot_eager")
    x = inputs(layer).requires_grad_()
    x2 = x.detach().clone().requires_grad_()
    y, y2 = layer(x), compiled(x2)
    close(y2, y)
    y.square().sum().backward()
    y2.square().sum().backward()
    close(x2.grad, x.grad)
    for a, b in zip(twin.parameters(), layer.parameters(), strict=True):
        close(a.grad, b.grad)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_exports_with_a_dynamic_batch(build):
    torch._dynamo.reset()
    layer = fill(build()).eval()
    x = inputs(layer, 4, torch.float32)
    program = torch.export.export(layer, (x,), dynamic_shapes=({0: torch.export.Dim("batch")},))
    for n in (2, 7):
        x = inputs(layer, n, torch.float32)
        close(program.module()(x), layer(x), 1e-5)


def test_autocast_to_bfloat16(build):
    layer = fill(build()).eval()
    x = inputs(layer, dtype=torch.float32).requires_grad_()
    expected = layer(x)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = layer(x)
    y.float().square().sum().backward()
    close(y.float(), expected, 5e-2)
    assert torch.isfinite(x.grad).all()


@pytest.mark.parametrize("copier", [copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))])
def test_copies_are_equal_and_independent(build, copier):
    layer = fill(build().double()).eval()
    twin, x = copier(layer), inputs(layer)
    expected = layer(x)
    close(twin(x), expected, 0.0)
    fill(layer, seed=8)
    close(twin(x), expected, 0.0)
    x.requires_grad_()
    for _ in range(2):  # nothing of the first backward is kept
        copier(twin)(x).sum().backward()
    close(copier(twin).float().double()(x), twin.float().double()(x), 0.0)


def test_state_dict_round_trip_under_weights_only(build):
    layer, other = fill(build()).eval(), fill(build(), seed=9).eval()
    file = io.BytesIO()
    torch.save(layer.state_dict(), file)
    file.seek(0)
    other.load_state_dict(torch.load(file, weights_only=True))
    x = inputs(layer, dtype=torch.float32)
    close(other(x), layer(x), 0.0)
    keys = list(layer.state_dict())
    assert keys == list(layer.train().state_dict())


def test_train_and_eval_agree(build):
    layer = fill(build().double())
    if has(layer, DIFFERENT_IN_TRAINING):
        assert layer.training is not layer.eval().training
        return
    x = inputs(layer)
    close(layer.train()(x), layer.eval()(x), 0.0)


def assigned(build):
    """Built without storage, its weights assigned: no constant was ever cast."""
    with torch.device("meta"):
        layer = build()
    layer.load_state_dict(fill(build().double()).state_dict(), assign=True)
    return layer.eval()


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("name", ["Linear-regular", "Linear-motions", "Bilinear-regular", "Conv2d-mixed", "Fourier"])
def test_a_layer_is_compiled_and_exported_before_its_first_call(name, all_cases):
    build = all_cases["CASES"][name]
    expected, x = assigned(build), inputs(assigned(build))
    torch._dynamo.reset()
    close(torch.compile(assigned(build), fullgraph=True, backend="aot_eager")(x), expected(x))
    for strict in (True, False):
        close(torch.export.export(assigned(build), (x,), strict=strict).module()(x), expected(x))


def test_what_is_called_in_inference_mode_first_can_train(build):
    layer = assigned(build)
    x = inputs(layer)
    with torch.inference_mode():
        layer(x)
    layer(x.clone().requires_grad_()).sum().backward()


def test_integers_are_refused_where_constants_would_be_rounded():
    layer = layers.BlurPool2d(eq.trivial(eq.group("C4")), 3, stride=1, padding=1)
    with pytest.raises(BadInput, match="floating-point"):
        layer(torch.ones(1, 1, 5, 5, dtype=torch.int64))


def test_empty_batch(build):
    layer = fill(build()).eval()
    x = inputs(layer, 2, torch.float32)
    empty = x[:0].clone().requires_grad_()
    y = layer(empty)
    assert y.shape == (0, *layer(x).shape[1:])
    y.sum().backward()


def test_non_contiguous_input(build):
    layer = fill(build().double()).eval()
    x = inputs(layer)
    strided = torch.stack([x, -x], -1)[..., 0]
    transposed = x.movedim(0, -1).contiguous().movedim(-1, 0)
    close(layer(strided), layer(x))
    close(layer(transposed), layer(x))


@pytest.mark.filterwarnings("ignore:There is a performance drop")  # of torch's attention under vmap
def test_vmap_and_per_sample_gradients(build):
    layer = fill(build().double()).eval()
    x = inputs(layer, 3)
    close(torch.func.vmap(lambda sample: layer(sample[None])[0])(x), layer(x))
    parameters = dict(layer.named_parameters())
    if not parameters:
        return

    def loss(values, sample):
        return torch.func.functional_call(layer, values, (sample[None],)).square().sum()

    together = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0))(parameters, x)
    for index in range(3):
        layer.zero_grad()
        layer(x[index : index + 1]).square().sum().backward()
        for name, parameter in layer.named_parameters():
            grad = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
            close(together[name][index], grad)


def test_gradients_are_right(build):
    layer = fill(build().double()).eval()
    x = inputs(layer, 1)
    direction = torch.ones_like(x).cos_()  # any fixed one
    x.requires_grad_()
    (slope,) = torch.autograd.grad((layer(x).sin()).sum(), x)
    step = 1e-6
    with torch.no_grad():
        difference = (layer(x + step * direction).sin() - layer(x - step * direction).sin()).sum() / (2 * step)
    slope = slope.detach()
    assert abs(float((slope * direction).sum() - difference)) < 1e-5 * max(1.0, abs(float(difference)))


def test_parameters_have_two_dimensions_or_are_biases(build):
    for name, parameter in build().named_parameters():
        assert parameter.ndim >= 2 or name.rsplit(".", 1)[-1].startswith("bias"), name
        assert parameter.numel() > 0, name


def test_multiplicity_zero(build_empty):
    layer = fill(build_empty().double())
    for mode in (True, False):
        layer.train(mode)
        x = inputs(layer)
        y = layer(x)
        assert y.shape == layer.out_action.sample_input(4).shape or y.ndim == 4 == x.ndim
        assert y.shape[1] == layer.out_action.sample_input(4).shape[1] and y.shape[0] == 4
        assert equivariance_error(layer.eval(), x) <= 1e-12
    assert all(p.numel() for p in layer.parameters())
    pickle.loads(pickle.dumps(copy.deepcopy(layer))).load_state_dict(layer.state_dict())


@pytest.mark.slow
@pytest.mark.parametrize("name", ["Linear-irreps", "Linear-regular", "Linear-quaternionic", "Conv2d-mixed", "Network"])
def test_inductor_gives_the_same(name, all_cases):
    torch._dynamo.reset()
    layer = fill(all_cases["CASES"][name]()).eval()
    twin = copy.deepcopy(layer)
    compiled = torch.compile(twin, fullgraph=True)
    x = inputs(layer, 16, torch.float32)
    close(compiled(x), layer(x), 1e-5)
    layer(x).square().sum().backward()
    compiled(x).square().sum().backward()
    for a, b in zip(twin.parameters(), layer.parameters(), strict=True):
        close(a.grad, b.grad, 1e-4)


def _cases(folder: str) -> dict:
    """The tables of cases, in a process of its own."""
    import importlib.util
    import sys
    from pathlib import Path

    spec = importlib.util.spec_from_file_location("conftest_of_cases", Path(__file__).parent.parent / folder)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def _shard_in_process(rank: int, world: int, address: str, results: str) -> None:
    """What begins without storage, is sharded, emptied and begun anew computes the same in both processes."""
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    torch.set_num_threads(1)
    torch.distributed.init_process_group("gloo", init_method=address, rank=rank, world_size=world)
    mesh, models = init_device_mesh("cpu", (world,)), _cases("models/model_cases.py")
    builds = {**_cases("layers/conftest.py").ALL["CASES"], **models.CASES}
    count = 0
    for name, build in builds.items():
        with torch.device("meta"):
            net = build().eval()
        if not list(net.parameters()):
            continue
        fully_shard(net, mesh=mesh)
        net.to_empty(device="cpu")
        with torch.no_grad():
            for parameter in net.parameters():
                parameter.fill_(torch.nan)
        for module in [net] if hasattr(net, "reset_parameters") else net.modules():
            if hasattr(module, "reset_parameters"):
                module.reset_parameters()
        x = models.inputs(name) if name in models.CASES else (inputs(net, dtype=torch.float32),)
        y = net(*x)
        y.square().sum().backward()
        twin = build().eval()  # the gathered weights in a network that nobody sharded
        twin.load_state_dict(
            {
                key: value.full_tensor() if hasattr(value, "full_tensor") else value
                for key, value in net.state_dict().items()
            }
        )
        close(y, twin(*x), 1e-6)
        count += 1
    np.save(f"{results}/{rank}.npy", [count])
    torch.distributed.destroy_process_group()


@pytest.mark.slow
def test_every_layer_and_network_is_sharded(tmp_path):
    torch.multiprocessing.spawn(_shard_in_process, (2, f"file://{tmp_path}/meet", str(tmp_path)), nprocs=2)
    assert [np.load(tmp_path / f"{rank}.npy").item() for rank in range(2)] == [60, 60]


def _train_in_process(rank: int, world: int, address: str, results: str) -> None:
    cases = _cases("layers/conftest.py")
    torch.set_num_threads(1)
    torch.distributed.init_process_group("gloo", init_method=address, rank=rank, world_size=world)
    worst, compared = 0.0, 0
    for name in cases.ALL["CASES"]:
        layer = fill(cases.ALL["CASES"][name]().double())
        if has(layer, DIFFERENT_IN_TRAINING) or not list(layer.parameters()):
            continue
        alone = copy.deepcopy(layer)
        parallel = nn.parallel.DistributedDataParallel(layer)
        x = inputs(layer, 4)
        parallel(x[rank::world]).square().mean().backward()
        alone(x).square().mean().backward()
        for a, b in zip(layer.parameters(), alone.parameters(), strict=True):
            worst, compared = max(worst, float((a.grad - b.grad).abs().max())), compared + 1
    np.save(f"{results}/{rank}.npy", [worst, compared])
    torch.distributed.destroy_process_group()


@pytest.mark.slow
def test_two_processes_share_gradients(tmp_path):
    arguments = (2, f"file://{tmp_path}/meet", str(tmp_path))
    torch.multiprocessing.spawn(_train_in_process, arguments, nprocs=2)
    for rank in range(2):
        worst, compared = np.load(tmp_path / f"{rank}.npy")
        assert worst < 1e-12 and compared >= 40
