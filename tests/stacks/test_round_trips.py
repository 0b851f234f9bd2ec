"""One round trip through each of the stacks that people train in; runs where they are installed (extra ``stacks``)."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import equilayers as eq

G = eq.group("D4")
V = 2 * eq.regular(G)


def build():
    """Every way in which layers hold constants: changes of basis, kernels, couplings, tables of indices, none."""
    image = nn.Sequential(eq.models.GroupCNN(G, 2), nn.Flatten())
    vector = eq.models.EquivariantMLP(
        2 * eq.defining(eq.group("O(3)")), eq.trivial(eq.group("O(3)")), width=24, depth=1
    )
    linear = eq.layers.Sequential(eq.layers.Linear(V, V), eq.layers.ChangeBasis(V, eq.decompose(V).rep))
    return nn.ModuleDict({"image": image, "vector": vector, "linear": linear, "set": eq.models.DeepSets(3, 2, width=8)})


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.parts = build()

    def forward(self, image, vector, linear, points):
        parts = self.parts
        return parts["image"](image), parts["vector"](vector), parts["linear"](linear), parts["set"](points)


def inputs(n=4):
    rng = torch.Generator().manual_seed(0)
    shapes = ((1, 8, 8), (6,), (16,), (5, 3))
    return tuple(torch.randn(n, *shape, generator=rng) for shape in shapes)


@pytest.fixture
def net():
    torch.manual_seed(0)
    net = Net().eval()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return net


def same(net, other, tolerance=1e-6):
    with torch.no_grad():
        for y, expected in zip(other(*inputs()), net(*inputs()), strict=True):
            assert float((y - expected).abs().max()) <= tolerance * float(expected.abs().max())


def test_safetensors(net, tmp_path):
    files = pytest.importorskip("safetensors.torch")
    files.save_model(net, str(tmp_path / "net.safetensors"))
    other = Net().eval()
    files.load_model(other, str(tmp_path / "net.safetensors"))
    same(net, other)


def test_transformers(net, tmp_path):
    transformers = pytest.importorskip("transformers")

    class Config(transformers.PretrainedConfig):
        model_type = "equivariant"

    class Pretrained(transformers.PreTrainedModel):
        config_class = Config

        def __init__(self, config):
            super().__init__(config)
            self.net = Net()
            self.post_init()

        def _init_weights(self, module):
            if hasattr(module, "reset_parameters"):
                module.reset_parameters()

        def forward(self, *x):
            return self.net(*x)

    model = Pretrained(Config()).eval()
    model.net.load_state_dict(net.state_dict())
    model.save_pretrained(tmp_path)
    same(net, Pretrained.from_pretrained(tmp_path).eval())
    same(net, Pretrained.from_pretrained(tmp_path, dtype=torch.float64).eval().float())


def test_accelerate(net, tmp_path):
    accelerate = pytest.importorskip("accelerate")
    accelerate.Accelerator(cpu=True).save_model(net, str(tmp_path))
    with accelerate.init_empty_weights(include_buffers=True):
        other = Net().eval()
    dispatched = accelerate.load_checkpoint_and_dispatch(other, str(tmp_path), device_map={"": "cpu"})
    same(net, dispatched)
    with accelerate.init_empty_weights():
        other = Net().eval()
    same(net, accelerate.load_checkpoint_and_dispatch(other, str(tmp_path), device_map={"": "cpu"}))


@pytest.mark.filterwarnings("ignore")
def test_lightning(net, tmp_path):
    lightning = pytest.importorskip("lightning.pytorch")
    from lightning.pytorch.callbacks import WeightAveraging

    class Module(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.net = Net()

        def training_step(self, batch, index):
            return sum(y.square().mean() for y in self.net(*batch))

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=0.0)  # weights that do not change: neither does their average

    module = Module()
    module.net.load_state_dict(net.state_dict())
    batches = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(*inputs(8)), batch_size=4)
    average = WeightAveraging(avg_fn=torch.optim.swa_utils.get_ema_avg_fn(0.9), use_buffers=True)
    trainer = lightning.Trainer(
        max_epochs=2, accelerator="cpu", devices=1, callbacks=[average], logger=False, default_root_dir=tmp_path,
        enable_progress_bar=False, enable_model_summary=False, enable_checkpointing=False,
    )  # fmt: skip
    trainer.fit(module, batches)
    trainer.save_checkpoint(tmp_path / "last.ckpt")
    other = Module.load_from_checkpoint(tmp_path / "last.ckpt").eval()
    same(net, other.net)


def test_torch_geometric():
    """A batch of graphs as dense tensors and a mask, into a network over nodes."""
    geometric = pytest.importorskip("torch_geometric")
    from torch_geometric.utils import to_dense_batch

    graphs = [geometric.data.Data(x=torch.randn(n, 3)) for n in (3, 5, 1)]
    batch = geometric.data.Batch.from_data_list(graphs)
    x, mask = to_dense_batch(batch.x, batch.batch)
    net = eq.models.DeepSets(3, 2, width=8).eval()
    together = net(x, mask)
    for i, graph in enumerate(graphs):
        assert torch.allclose(together[i], net(graph.x[None])[0], atol=1e-6)


@pytest.mark.filterwarnings("ignore")
def test_onnxruntime(net, tmp_path):
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    torch.onnx.export(net, inputs(), str(tmp_path / "net.onnx"), dynamo=True, verbose=False)
    session = runtime.InferenceSession(str(tmp_path / "net.onnx"))
    names = [entry.name for entry in session.get_inputs()]
    found = session.run(None, {name: x.numpy() for name, x in zip(names, inputs(), strict=True)})
    for y, expected in zip(found, net(*inputs()), strict=True):
        assert torch.allclose(torch.tensor(y), expected, atol=1e-5)


@pytest.mark.filterwarnings("ignore:torch.distributed is")
def test_distributed_checkpoints(net, tmp_path):
    import torch.distributed.checkpoint as dcp
    from torch.distributed.checkpoint.state_dict import get_model_state_dict, set_model_state_dict

    dcp.save(get_model_state_dict(net), checkpoint_id=tmp_path, no_dist=True)
    other = Net().eval()
    state = get_model_state_dict(other)
    dcp.load(state, checkpoint_id=tmp_path, no_dist=True)
    set_model_state_dict(other, state)
    same(net, other)
