"""What each operation does and why it is there, in a sentence or two, with the numbers of this network."""

import math

BRANCH_CONVS = ("branch3x3", "branch5x5")


def about(node, nodes):
    """What the node does, forward."""
    if node.step is None:
        return "What the network sees: the middle square of the image, in the network's size, minus the mean and divided by the deviation."
    return WORDS.get(node.step.operation, lambda node, nodes: OTHERS.get(node.step.operation, ""))(node, nodes)


def about_gradient(node):
    """What the gradient at this node says."""
    if node.step is None:
        return "How much the loss would change with each pixel: where it is strong, a small change of the image changes the verdict most."
    return BACK.get(node.step.operation, "") or "What arrives here goes on to what went in, by the chain rule."


def _conv(node, nodes):
    kh, kw, cin, cout = node.step.input_shapes[1]
    *_, role = node.name.split(".")
    if role == "reduce":
        return f"A 1x1 convolution mixes the {node.step.input_shapes[0][3]} channels of each pixel into {cout}. {_saving(node, nodes)}"
    if role == "project":
        return f"Pooling keeps all {cin} channels; this 1x1 convolution makes {cout} of them, or the modules would grow wider and wider."
    if (kh, kw) == (1, 1):
        return f"A 1x1 convolution: {cout} mixtures of the {cin} channels, for each pixel alone. It looks at no neighbour."
    if node.inputs[0] == 0:
        return (f"{cout} filters of {kh}x{kw} slide over the image itself, so they can be looked at as pictures: "
                f"edges, colours, textures once the network is trained.")  # fmt: skip
    return f"Each of {cout} filters looks at a window of {kh}x{kw} pixels in {cin} channels: {kh * kw * cin:,} products for every number."


def _saving(node, nodes):
    """What a reduction before a larger window saves, as the paper's section 4 argues."""
    number = nodes.index(node)
    after = next((n for n in nodes if n.inputs and n.inputs[0] == number and n.step.operation == "Conv2d"), None)
    if after is None:
        return ""
    kh, kw, _, cout = after.step.input_shapes[1]
    without = math.prod(after.step.output_shape) * kh * kw * node.step.input_shapes[1][2]
    both = node.step.multiply_adds + after.step.multiply_adds
    return f"So the {kh}x{kw} filters that follow have less to do: {both:,} multiply-adds together instead of {without:,} without it."


def _max_pool(node, nodes):
    kh, kw = _size(node)
    if node.step.output_shape == node.step.input_shapes[0]:
        return f"The largest value of each {kh}x{kw} window, one pixel apart: what responds strongly nearby. The map keeps its size."
    return f"The largest value of each {kh}x{kw} window. The map gets smaller, and each of its pixels sees more of the image."


def _size(node):
    size = node.step.op.window["kernel_size"]
    return size if isinstance(size, tuple) else (size, size)


def _concat(node, nodes):
    widths = " + ".join(str(shape[-1]) for shape in node.step.input_shapes)
    return f"The branches side by side: {widths} channels. Nothing is copied: each branch wrote into its slice of this map."


def _global_pool(node, nodes):
    _, h, w, c = node.step.input_shapes[0]
    return f"Of each of {c} maps the mean over its {h}x{w} pixels. No weights, and each class keeps a map of its evidence."


def _linear(node, nodes):
    cin, cout = node.step.input_shapes[1]
    return f"Each of {cout} outputs adds up all {cin} numbers, each times a weight of its own."


def _cross_entropy(node, nodes):
    return "Minus the logarithm of the probability that the network gives to the right class: 0 if it is certain, and right."


WORDS = {
    "Concat": _concat,
    "Conv2d": _conv,
    "CrossEntropy": _cross_entropy,
    "GlobalAvgPool2d": _global_pool,
    "Linear": _linear,
    "MaxPool2d": _max_pool,
}
OTHERS = {
    "AdaptiveAvgPool2d": "The mean of each of evenly spaced windows: always as many, whatever the size of the map.",
    "Add": "One plus the other, number by number.",
    "AvgPool2d": "The mean of each window.",
    "BatchNorm2d": "Each channel brought to mean 0 and variance 1, then to a mean and a deviation that are learned.",
    "ChannelAffine": "Each channel times a number plus a number, both learned.",
    "Dropout": "In training each number is dropped with some probability, so that none can be relied on.",
    "ReLU": "What is below 0 becomes 0.",
    "Reshape": "The same numbers in another shape.",
    "Scale": "Every number times the same factor.",
    "SparseConv2d": "A convolution that leaves out the weights that are 0.",
    "SquaredDistance": "How far the numbers are from the code of each class.",
    "Tanh": "Squashed into a band around 0.",
}
BACK = {
    "Concat": "Each branch gets its own channels of the gradient back. Nothing is copied here either.",
    "Conv2d": "Where ReLU had made a 0 the gradient ends. The rest goes two ways: times what went in, it tells each weight how to change; "
              "through the same filter, backwards, it reaches what went in.",  # fmt: skip
    "CrossEntropy": "The loss itself: its gradient is 1, and here the way back begins.",
    "GlobalAvgPool2d": "Each pixel had an equal share in the mean and gets an equal share of the gradient.",
    "Linear": "At the logits the gradient is the network's probability of each class, minus 1 for the right one: what it got wrong.",
    "MaxPool2d": "Only the pixel that was the largest of its window gets the gradient, the others nothing.",
}
