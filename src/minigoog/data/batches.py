"""How the images of an epoch are shared among its batches.

The last batch of an epoch gets what is left, which may be two images. Their mean and variance say little, and a step by them throws a
network with batch normalisation back. So training shares the images evenly: as many batches, whose sizes differ by one at most."""


def count(images: int, batch_size: int) -> int:
    """How many batches of at most `batch_size` hold so many images."""
    return -(-images // batch_size)


def span(images: int, batch_size: int, number: int) -> tuple[int, int]:
    """The first image of batch `number`, and the one behind its last, in the order of the epoch."""
    n = count(images, batch_size)
    return number * images // n, (number + 1) * images // n
