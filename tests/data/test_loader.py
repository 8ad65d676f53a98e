"""Batches: each image once, the same whatever the number of workers or the start, and errors where they can be seen."""

import threading

import numpy as np
import pytest

from minigoog.data import ArrayDataset, DataLoader, transforms


def numbers(n, side=1):
    """A data set whose images hold their own numbers."""
    images = np.broadcast_to(np.arange(n, dtype=np.uint8).reshape(n, 1, 1, 1), (n, side, side, 1)).copy()
    return ArrayDataset(images, np.arange(n), map(str, range(n)))


def order(loader, epoch):
    return np.concatenate([labels for _, labels in loader.epoch(epoch)])


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("workers", [0, 1, 3])
def test_an_epoch_shows_each_image_once_with_its_label(shuffle, workers):
    loader = DataLoader(numbers(23), 5, shuffle=shuffle, workers=workers)
    batches = list(loader.epoch(1))
    assert [len(labels) for _, labels in batches] == [5, 5, 5, 5, 3] and len(loader) == 5
    assert all(images.dtype == np.float32 and (images[:, 0, 0, 0] == labels).all() for images, labels in batches)
    assert sorted(order(loader, 1)) == list(range(23))


def test_the_last_smaller_batch_can_be_left_out():
    loader = DataLoader(numbers(23), 5, drop_last=True)
    assert [len(labels) for _, labels in loader.epoch()] == [5, 5, 5, 5] and len(loader) == 4


def test_the_order_is_a_function_of_seed_and_epoch():
    a, b, c = (DataLoader(numbers(50), 7, shuffle=True, seed=seed) for seed in (3, 3, 4))
    assert (order(a, 2) == order(b, 2)).all()
    assert (order(a, 2) != order(a, 3)).any() and (order(a, 2) != order(c, 2)).any()
    assert len({tuple(order(a, epoch)) for epoch in range(10)}) == 10


RANDOM = transforms.Compose([transforms.RandomCrop(6, padding=2), transforms.RandomHorizontalFlip(), transforms.Normalize([3.0], [2.0])])


def spotted(n):
    images = np.random.default_rng(0).integers(0, 256, (n, 6, 6, 1), np.uint8)
    return ArrayDataset(images, np.zeros(n), "a")


@pytest.mark.parametrize("workers, prefetch, start", [(1, 1, 0), (4, 2, 0), (0, 2, 3), (3, 1, 3), (2, 5, 6)])
def test_random_transforms_are_the_same_for_any_number_of_workers_and_any_start(workers, prefetch, start):
    expected = list(DataLoader(spotted(30), 5, RANDOM, shuffle=True, seed=8).epoch(4))[start:]
    got = list(DataLoader(spotted(30), 5, RANDOM, shuffle=True, seed=8, workers=workers, prefetch=prefetch).epoch(4, start))
    assert len(got) == len(expected) == 6 - start
    assert all((a == b).all() for batch, other in zip(got, expected, strict=True) for a, b in zip(batch, other, strict=True))


def test_another_epoch_has_other_crops():
    loader = DataLoader(spotted(5), 5, RANDOM)
    assert (next(loader.epoch(0))[0] != next(loader.epoch(1))[0]).any()


@pytest.mark.parametrize("workers", [0, 2])
def test_an_error_in_a_transform_comes_out_as_it_is(workers):
    def fails(image, generator):
        raise ValueError("image 3 is torn")

    with pytest.raises(ValueError, match="image 3 is torn"):
        list(DataLoader(numbers(9), 3, fails, workers=workers).epoch())


def test_leaving_early_ends_the_workers():
    batches = DataLoader(numbers(200), 1, workers=2).epoch()
    next(batches)
    mine = [thread for thread in threading.enumerate() if thread.name.startswith("minigoog-data")]
    batches.close()
    for thread in mine:
        thread.join(timeout=10)
    assert mine and not any(thread.is_alive() for thread in mine)


def test_images_of_different_sizes_are_named():
    def shrinks(image, generator):
        return image[:1] if image[0, 0, 0] == 4 else image

    with pytest.raises(ValueError, match=r"image 4 has shape \(1, 2, 1\), the others of its batch \(2, 2, 1\)"):
        list(DataLoader(numbers(9, 2), 3, shrinks).epoch())


@pytest.mark.parametrize("value", [0, -1, 1.5, "3", True, None, 2**40])
def test_a_batch_size_that_is_no_count_is_named(value):
    with pytest.raises((TypeError, ValueError), match=r"DataLoader: `batch_size` is "):
        DataLoader(numbers(3), value)
