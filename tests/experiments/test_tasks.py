"""The images, their split, and the subsets that every arm shares."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from equilayers.errors import BadInput, ResultsError
from equilayers.experiments.tasks import load_task
from equilayers.experiments.transforms import Conjugated, orbit, quarter_turns, roll, scramble, turn
from equilayers.groups import group
from equilayers.representations import GridField, trivial


@pytest.fixture(scope="module")
def digits():
    return load_task("digits")


def test_digits_are_scikit_learns_in_file_order(digits):
    images, labels = load_digits(return_X_y=True)
    pool = images[:1400] / 16
    ours = torch.cat([digits.pool, digits.test]).double().flatten(1).numpy()
    assert np.allclose(ours * pool.std() + pool.mean(), images / 16, atol=1e-6)
    assert np.array_equal(torch.cat([digits.pool_labels, digits.test_labels]), labels)
    assert abs(float(digits.pool.mean())) < 1e-6 and abs(float(digits.pool.std(correction=0)) - 1) < 1e-6


def test_no_image_repeats_anothers_orbit(digits):
    images = (torch.cat([digits.pool, digits.test]) * 1000).round().int()
    seen = {}
    for number, image in enumerate(images):
        name = min(turn(image, k).numpy().tobytes() for k in range(4))
        assert seen.setdefault(name, number) == number


def test_subsets_are_nested_paired_and_differ_by_seed(digits):
    small, small_labels = digits.subset(50, 3, turned=True)
    large, large_labels = digits.subset(450, 3, turned=True)
    assert torch.equal(large[:50], small) and torch.equal(large_labels[:50], small_labels)
    upright, labels = digits.subset(50, 3, turned=False)
    assert torch.equal(labels, small_labels)
    assert all(any(torch.equal(turn(u, k), t) for k in range(4)) for u, t in zip(upright, small, strict=True))
    assert not torch.equal(small, upright) and not torch.equal(digits.subset(50, 4, turned=True)[0], small)
    assert digits.subset(1400, 0, turned=False)[0].shape[0] == 1400


def test_trials_never_see_the_validation_block(digits):
    pool = {image.numpy().tobytes() for image in digits.pool[digits.validation :]}
    for seed in (1000, 1001):
        images, _ = digits.subset(200, seed, turned=False, last=digits.validation)
        assert len(images) == 200 and not pool & {image.numpy().tobytes() for image in images}


def test_turning_is_the_action_of_c4_on_the_grid(digits):
    field, images = GridField(trivial(group("C4"))), digits.test[:7]
    assert torch.equal(field.transform(group("C4").elements()[0], images), images)
    for g in group("C4").elements():
        moved = field.transform(g, images)
        assert any(torch.equal(moved, turn(images, k)) for k in range(4))
    turns = torch.tensor([0, 1, 2, 3, 3, 2, 1])
    each = torch.stack([turn(image, int(k)) for image, k in zip(images, turns, strict=True)])
    assert torch.equal(quarter_turns(images, turns), each)
    assert torch.equal(orbit(images)[3], turn(images, 3))


@pytest.mark.parametrize("pixels", [roll(8), scramble(8)], ids=["roll", "scramble"])
def test_a_wrong_group_shares_only_the_identity_with_the_rotations(pixels):
    back = np.argsort(pixels)
    turns = [np.rot90(np.arange(64).reshape(8, 8), k).ravel() for k in range(4)]
    wrong = [pixels[t][back] for t in turns]
    assert sorted(pixels) == list(range(64)) and np.array_equal(wrong[0], turns[0])
    shared = [(i, j) for i in range(4) for j in range(4) if np.array_equal(wrong[i], turns[j])]
    assert shared == [(0, 0)]


def test_rolling_is_by_two_rows_with_wrap(digits):
    class Seen(torch.nn.Module):
        macs = 0

        def forward(self, x):
            return x

    rolled = Conjugated(Seen(), roll(8))(digits.test[:3])
    assert torch.equal(rolled, digits.test[:3].roll(2, dims=-2))


def test_unknown_tasks_and_missing_data_are_said(tmp_path):
    with pytest.raises(BadInput, match=r"digits, mnist-rot"):
        load_task("cifar")
    with pytest.raises(BadInput, match="--data"):
        load_task("mnist-rot")
    with pytest.raises(ResultsError, match=r"mnist_train\.npz"):
        load_task("mnist-rot", tmp_path)


def test_mnist_is_read_from_a_folder(tmp_path):
    rng = np.random.default_rng(0)
    for part, count in (("train", 12500), ("test", 10000)):
        images = rng.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        labels = rng.integers(0, 10, count, dtype=np.uint8)
        np.savez(tmp_path / f"mnist_{part}.npz", images=images, labels=labels)
    task = load_task("mnist-rot", tmp_path)
    assert task.pool.shape == (12000, 1, 28, 28) and task.test.shape == (10000, 1, 28, 28) and task.size == 28
    np.savez(tmp_path / "mnist_test.npz", images=np.zeros((5, 28, 28)), labels=np.zeros(5))
    with pytest.raises(ResultsError, match=r"10000, 28, 28"):
        load_task("mnist-rot", tmp_path)
    np.savez(tmp_path / "mnist_test.npz", pictures=np.zeros(3))
    with pytest.raises(ResultsError, match="images"):
        load_task("mnist-rot", tmp_path)
    (tmp_path / "mnist_test.npz").write_bytes(b"PK\x03\x04 not whole")
    with pytest.raises(ResultsError, match="cannot be read"):
        load_task("mnist-rot", tmp_path)


class Armed:
    """An object that runs something when it is unpickled."""

    def __reduce__(self):
        return (open, ("ran", "w"))


@pytest.fixture
def small(tmp_path, monkeypatch):
    """A folder of a few images of the right kind, read as if they were all."""
    monkeypatch.setattr("equilayers.experiments.tasks.MNIST_POOL", 20)
    monkeypatch.setattr("equilayers.experiments.tasks.MNIST_TEST", 10)
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    found = {"images": rng.integers(0, 256, (20, 28, 28), dtype=np.uint8), "labels": np.arange(20) % 10}
    for part in ("train", "test"):
        np.savez(tmp_path / f"mnist_{part}.npz", **found)
    return found


def images_with(found, **changes):
    np.savez("mnist_test.npz", **{**found, **changes})


WRONG_IMAGES = {
    "not a number": lambda f: images_with(f, images=np.where(f["images"] > 9, np.nan, 1.0)),
    "too bright": lambda f: images_with(f, images=f["images"] * 256.0),
    "negative": lambda f: images_with(f, images=-1.0 - f["images"]),
    "complex": lambda f: images_with(f, images=f["images"] * 1j),
    "text": lambda f: images_with(f, images=f["images"].astype(str)),
    "objects": lambda f: images_with(f, images=np.array([[[Armed()] * 28] * 28] * 20)),
    "armed labels": lambda f: images_with(f, labels=np.array([Armed()] * 20)),
    "eleven classes": lambda f: images_with(f, labels=f["labels"] + 1),
    "half labels": lambda f: images_with(f, labels=f["labels"] / 2),
    "no label": lambda f: images_with(f, labels=np.array(3)),
    "one image": lambda f: images_with(f, images=np.array(3)),
    "few": lambda f: images_with(f, images=f["images"][:5]),
    "an array alone": lambda f: np.save(open("mnist_test.npz", "wb"), f["images"]),  # noqa: SIM115
    "a pickle": lambda f: Path("mnist_test.npz").write_bytes(pickle.dumps(Armed())),
    "nothing": lambda f: Path("mnist_test.npz").write_bytes(b""),
    "a folder": lambda f: (Path("mnist_test.npz").unlink(), Path("mnist_test.npz").mkdir()),
    "a pipe": lambda f: (Path("mnist_test.npz").unlink(), os.mkfifo("mnist_test.npz")),
    "a loop": lambda f: (Path("mnist_test.npz").unlink(), Path("mnist_test.npz").symlink_to("mnist_test.npz")),
}


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("what", WRONG_IMAGES)
def test_images_of_somebody_else_are_data_or_refused(what, small, tmp_path):
    load_task("mnist-rot", tmp_path)
    WRONG_IMAGES[what](small)
    with pytest.raises(ResultsError, match=r"mnist_test\.npz"):
        load_task("mnist-rot", tmp_path)
    assert not Path("ran").exists()


def test_images_may_be_links_and_longer(small, tmp_path):
    Path("mnist_test.npz").rename("elsewhere")
    Path("mnist_test.npz").symlink_to("elsewhere")
    assert load_task("mnist-rot", tmp_path).test.shape == (10, 1, 28, 28)


def test_images_damaged_at_random_are_read_or_refused(small, tmp_path):
    whole, rng, refused = Path("mnist_test.npz").read_bytes(), np.random.default_rng(1), 0
    for _ in range(150):
        data = np.frombuffer(whole, dtype=np.uint8).copy()
        places = np.concatenate([rng.integers(0, 300, 2), rng.integers(len(data) - 400, len(data), 2)])
        data[places] = rng.integers(0, 256, 4)
        Path("mnist_test.npz").unlink()
        Path("mnist_test.npz").write_bytes(data.tobytes()[: rng.integers(1, 2 * len(data))])
        try:
            load_task("mnist-rot", tmp_path)
        except ResultsError:
            refused += 1
    assert refused > 100


@pytest.mark.parametrize("data", [3, b"x", "a\0b", ["x"]])
def test_a_folder_of_images_is_given_by_its_path(data):
    with pytest.raises(BadInput, match="path"):
        load_task("mnist-rot", data)
