"""Clusters of the maps of a trained network by depth, and the same of its controls."""

from collections.abc import Iterator
from functools import cached_property

from ...array_types import Array, IntArray
from ...short_training import accuracy, learn
from ..accuracy.pictures import Pictures, pictures
from ..clusters.linkage import linkage_clusters
from ..clusters.map_statistics import (
    RADIUS,
    between_channels,
    binarise,
    correlations,
    phase_scrambled,
    related,
    rings,
    shuffled_channels,
    strongest,
)
from ..clusters.translated import Cluster, channels_of, extent, find_clusters
from ..runner.demonstration import Numbers, Rows, Setting
from .measures import CONDITIONS, METHODS
from .plain_stack import PlainStack, layer_maps, new_stack

DEGREE = 8  # related units of a channel at a pixel, on average, in every graph


class Reading:
    """A network trained from one seed on the images of a setting, and statistics of its maps of test images, JSON-compatible."""

    def __init__(self, setting: Setting, plan: Numbers, seed: int):
        self.setting, self.plan, self.seed = setting, plan, seed

    @cached_property
    def data(self) -> tuple[Pictures, Pictures]:
        """(training, test): Pictures."""
        return pictures(self.setting.images, self.plan["train"], self.plan["test"])

    def new(self, seed: int) -> PlainStack:
        """A network with the first weights of this seed."""
        train = self.data[0]
        return new_stack(seed, train.images.shape[1:], int(train.labels.max()) + 1)

    def numbers(self) -> Numbers:
        """{"accuracy", "layers": {condition: a row for each convolution}}."""
        train, test = self.data
        model = self.new(self.seed)
        learn(model, *train, epochs=self.plan["epochs"], lr=self.plan["lr"], seed=self.seed, say=lambda line: self.setting.say("  " + line))
        looked_at = test.images[: self.plan["looked_at"]]
        self.setting.say("  clusters of the trained network's maps")
        layers = {"trained": [_layer(maps) for maps in layer_maps(model, looked_at)]}
        for condition in CONDITIONS[1:]:
            self.setting.say(f"  clusters of the control: {condition}")
            layers[condition] = list(self._control(condition, model, looked_at, layers["trained"]))
        return {"accuracy": accuracy(model, *test), "layers": layers}

    def _control(self, condition: str, model: PlainStack, images: Array, trained: Rows) -> Iterator[Numbers]:
        """A row for each convolution under one of CONDITIONS. Shuffled channels use the thresholds of the trained maps."""
        if condition == "shuffled channels":
            for maps, row in zip(layer_maps(model, images), trained, strict=True):
                yield _layer(maps, shuffle=self.seed, thresholds=row["thresholds"])
            return
        if condition == "random weights":
            model = self.new(self.seed + 1_000_000)
        else:
            images = phase_scrambled(images, self.seed)
        yield from map(_layer, layer_maps(model, images))


def _layer(maps: Array, shuffle: int | None = None, thresholds: list[float] | None = None) -> Numbers:
    """Numbers of the maps of one layer. shuffle: the seed of an order of the images for each channel."""
    on, kept = binarise(maps)
    on = on if shuffle is None else shuffled_channels(on, shuffle)
    wide = correlations(on, 2 * RADIUS)
    near = wide[:, RADIUS:-RADIUS, RADIUS:-RADIUS]
    thresholds = thresholds or [strongest(near, DEGREE, cross) for cross in (True, False)]
    between, every = (related(near, threshold, cross) for threshold, cross in zip(thresholds, (True, False), strict=True))
    found = find_clusters(between, on), linkage_clusters(between_channels(wide), thresholds[0]), find_clusters(every, on)
    return {"channels": maps.shape[3], "live": len(kept), "rings": rings(near), "thresholds": thresholds,
            "clusters": {name: [_facts(c, kept) for c in clusters] for name, clusters in zip(METHODS, found, strict=True)}}


def _facts(cluster: Cluster, kept: IntArray) -> Numbers:
    """What is stored of a cluster: its extent, its number of units, its channels of the layer."""
    return {"extent": extent(cluster), "units": len(cluster), "channels": [int(kept[c]) for c in sorted(channels_of(cluster))]}
