"""Batches: each image once, the same for any number of workers and any start, in the caller's context, with errors that are named."""

import threading
from contextvars import ContextVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minigoog.data import ArrayDataset, DataLoader, transforms


def numbers(n, side=1):
    """A data set whose images hold their own numbers."""
    images = np.broadcast_to(np.arange(n, dtype=np.uint8).reshape(n, 1, 1, 1), (n, side, side, 1)).copy()
    return ArrayDataset(images, np.arange(n), map(str, range(n)))


def order(batches):
    return np.concatenate([labels for _, labels in batches]).tolist()


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("workers", [0, 1, 3])
def test_an_epoch_has_each_image_once_with_its_label(shuffle, workers):
    loader = DataLoader(numbers(23), 5, shuffle, num_workers=workers)
    batches = list(loader)
    assert [len(labels) for _, labels in batches] == [5, 5, 5, 5, 3] and len(loader) == 5
    assert all(images.dtype == np.float32 and labels.dtype == np.int64 for images, labels in batches)
    assert all(images.shape[1:] == (1, 1, 1) and (images[:, 0, 0, 0] == labels).all() for images, labels in batches)
    assert sorted(order(batches)) == list(range(23)) and (order(batches) == list(range(23))) == (not shuffle)


def test_the_last_smaller_batch_can_be_left_out():
    loader = DataLoader(numbers(23), 5, drop_last=True)
    assert [len(labels) for _, labels in loader] == [5, 5, 5, 5] and len(loader) == 4


@given(st.integers(1, 300), st.integers(1, 40), st.sampled_from([0, 2]))
def test_even_batches_hold_each_image_once_and_differ_by_one_image(n, batch_size, workers):
    loader = DataLoader(numbers(n), batch_size, even=True, num_workers=workers)
    batches = list(loader)
    sizes = {len(labels) for _, labels in batches}
    assert len(batches) == len(loader) == len(DataLoader(numbers(n), batch_size))
    assert order(batches) == list(range(n)) and max(sizes) <= batch_size and max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize("workers", [0, 2])
def test_each_loop_is_the_next_epoch(workers):
    loader = DataLoader(numbers(50), 7, shuffle=True, seed=3, num_workers=workers)
    loops = [order(loader) for _ in range(3)]
    assert loops == [order(loader.epoch(i)) for i in range(3)] and loops[0] != loops[1] != loops[2]


def test_the_order_is_a_function_of_seed_and_epoch():
    a, b, c = (DataLoader(numbers(50), 7, shuffle=True, seed=seed) for seed in (3, 3, 4))
    assert order(a.epoch(2)) == order(b.epoch(2)) != order(c.epoch(2))
    assert len({tuple(order(a.epoch(i))) for i in range(10)}) == 10


RANDOM = transforms.Compose([transforms.RandomCrop(6, padding=2), transforms.RandomHorizontalFlip(), transforms.Normalize([3.0], [2.0])])


def noise(n):
    images = np.random.default_rng(0).integers(0, 256, (n, 6, 6, 1), np.uint8)
    return ArrayDataset(images, np.zeros(n), "a")


@pytest.mark.parametrize("workers, prefetch, start", [(1, 1, 0), (4, 2, 0), (0, 2, 3), (3, 1, 3), (2, 5, 6)])
def test_random_transforms_are_the_same_for_any_number_of_workers_and_any_start(workers, prefetch, start):
    settings = {"batch_size": 5, "shuffle": True, "transform": RANDOM, "seed": 8}
    expected = list(DataLoader(noise(30), **settings).epoch(4))[start:]
    got = list(DataLoader(noise(30), **settings, num_workers=workers, prefetch_factor=prefetch).epoch(4, start))
    assert len(got) == len(expected) == 6 - start
    assert all((a == b).all() for batch, other in zip(got, expected, strict=True) for a, b in zip(batch, other, strict=True))


def test_another_epoch_has_other_crops():
    loader = DataLoader(noise(5), 5, transform=RANDOM)
    assert (next(loader.epoch(0))[0] != next(loader.epoch(1))[0]).any()


@pytest.mark.parametrize("workers", [0, 2])
def test_workers_have_a_copy_of_the_callers_context(workers):
    mode, seen = ContextVar("mode", default="outside"), []

    def notes(image, generator):
        seen.append(mode.get())
        mode.set("changed by a worker")
        return image

    token = mode.set("inside")
    list(DataLoader(numbers(6), 2, num_workers=workers, transform=notes))
    if workers:  # each batch has a copy of its own
        assert seen == ["inside", "changed by a worker"] * 3 and mode.get() == "inside"
    mode.reset(token)
    seen.clear()
    list(DataLoader(numbers(2), 1, num_workers=workers, transform=notes))
    assert seen[0] == "outside"


# ---- data sets of any kind ----


class Squares:
    """A data set as a user of PyTorch writes it: no arrays of all images or labels."""

    def __len__(self):
        return 5

    def __getitem__(self, i):
        return np.full((2, 2, 1), i * i), np.int32(i)


@pytest.mark.parametrize("dataset", [Squares(), list(map(Squares().__getitem__, range(5)))], ids=["class", "list"])
def test_anything_with_a_length_and_items_is_a_data_set(dataset):
    (images, labels), (rest, _) = DataLoader(dataset, 4)
    assert images.shape == (4, 2, 2, 1) and images[:, 0, 0, 0].tolist() == [0, 1, 4, 9] and labels.tolist() == [0, 1, 2, 3]
    assert rest[:, 1, 1, 0].tolist() == [16]


def test_images_may_be_pillows():
    image_module = pytest.importorskip("PIL.Image", reason="Pillow is not installed (extra images): its images were not tried")
    ((images, _),) = DataLoader([(image_module.new("RGB", (3, 2), (1, 2, 3)), 0)], transform=transforms.CenterCrop(2))
    assert images.shape == (1, 2, 2, 3) and images[0, 1, 1].tolist() == [1, 2, 3]


# ---- errors ----


@pytest.mark.parametrize("workers", [0, 2])
def test_an_error_in_a_transform_is_not_changed(workers):
    def fails(image, generator):
        raise ValueError("image 3 is torn")

    with pytest.raises(ValueError, match="^image 3 is torn$"):
        list(DataLoader(numbers(9), 3, num_workers=workers, transform=fails))


def test_leaving_early_ends_the_workers():
    batches = DataLoader(numbers(200), 1, num_workers=2).epoch()
    next(batches)
    mine = [thread for thread in threading.enumerate() if thread.name.startswith("minigoog-data")]
    batches.close()
    for thread in mine:
        thread.join(timeout=10)
    assert mine and not any(thread.is_alive() for thread in mine)


def test_images_of_different_sizes_are_named():
    def shrinks(image, generator):
        return image[:1] if image[0, 0, 0] == 4 else image

    with pytest.raises(ValueError, match=r"image 4 has shape \(1, 2, 1\), expected \(2, 2, 1\) as the others of its batch"):
        list(DataLoader(numbers(9, 2), 3, transform=shrinks))


@pytest.mark.parametrize("value", [0, -1, 1.5, "3", True, None, 2**40])
@pytest.mark.parametrize("name", ["batch_size", "prefetch_factor"])
def test_a_count_that_is_none_is_named(name, value):
    with pytest.raises((TypeError, ValueError), match=rf"DataLoader: `{name}` is "):
        DataLoader(numbers(3), **{name: value})


@pytest.mark.parametrize("arguments, message", [
    ({"shuffle": RANDOM}, "`shuffle` is Compose.*expected True or False"),
    ({"drop_last": 1}, "`drop_last` is 1, expected True or False"),
    ({"even": "yes"}, "`even` is 'yes', expected True or False"),
    ({"even": True, "drop_last": True}, "`drop_last` and `even` are both True"),
    ({"dataset": iter([1])}, "`dataset` is list_iterator, expected an object with __len__ and __getitem__"),
    ({"num_workers": -1}, "`num_workers` is -1"),
])  # fmt: skip
def test_other_arguments_that_cannot_be_are_named(arguments, message):
    with pytest.raises((TypeError, ValueError), match=f"(?s)DataLoader: {message}"):
        DataLoader(**({"dataset": numbers(3)} | arguments))


@pytest.mark.parametrize("name", ["number", "start"])
@pytest.mark.parametrize("value", [-1, 1.0, "0"])
def test_an_epoch_or_a_start_that_cannot_be_is_named_at_once(name, value):
    with pytest.raises((TypeError, ValueError), match=f"DataLoader.epoch: `{name}` is {value!r}, expected"):
        DataLoader(numbers(3)).epoch(**{name: value})


def test_what_is_not_pytorchs_goes_by_name():
    with pytest.raises(TypeError, match="positional"):
        DataLoader(numbers(3), 1, False, None)  # PyTorch: a sampler


@pytest.mark.parametrize("label", ["cat", 1.0, None, True])
def test_a_label_that_is_no_integer_is_named(label):
    with pytest.raises(TypeError, match=rf"`dataset\[1\]\[1\]` is {label!r}, expected"):
        list(DataLoader([(np.zeros((1, 1, 1)), 0), (np.zeros((1, 1, 1)), label)], 2))


@pytest.mark.parametrize("labels, message", [
    ([0.7, 1.9], "are float64, expected integers"), ([0, np.nan], "are float64, expected integers"), (["a", "b"], "are <U1, expected"),
    ([None, 1], "are object, expected"), ([-1, 1], "go from -1 to 1, expected 0 to 1, as there are 2 classes"), ([0, 2], "go from 0 to 2"),
    ([[1], [1]], r"has shape \(2, 1\), expected \(2,\)"), ([0], r"has shape \(1,\), expected \(2,\): one for each of 2 images"),
    (0, r"has shape \(\), expected"),
])  # fmt: skip
def test_labels_that_are_no_class_numbers_are_refused(labels, message):
    with pytest.raises((TypeError, ValueError), match=f"ArrayDataset: `labels` {message}"):
        ArrayDataset(np.zeros((2, 1, 1, 1), np.uint8), labels, "ab")


def test_labels_become_int64():
    for labels in ([0, 1], [0.0, 1.0], np.array([0, 1], np.uint8), [False, True]):
        found = ArrayDataset(np.zeros((2, 1, 1, 1), np.uint8), labels, "ab").labels
        assert found.dtype == np.int64 and found.tolist() == [0, 1]
    assert len(ArrayDataset(np.zeros((0, 1, 1, 1), np.uint8), [], "ab")) == 0
