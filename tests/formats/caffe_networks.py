"""GoogLeNet and CaffeNet in Caffe's layers: python -m tests.formats.caffe_networks WEIGHTS.npz FOLDER

WEIGHTS.npz: the arrays of BVLC's GoogLeNet as HWIO, [in, out] and biases, by name, as in data/googlenet-caffe. FOLDER gets
bvlc_googlenet.caffemodel, what people download less its two heads of training, and deploy.prototxt."""

import sys
from pathlib import Path

import numpy as np

from .caffe_files import Layer, caffemodel, prototxt

GOOGLENET = {  # by module: 1x1, 3x3_reduce, 3x3, 5x5_reduce, 5x5, pool_proj (paper, table 1)
    "3a": (64, 96, 128, 16, 32, 32), "3b": (128, 128, 192, 32, 96, 64), "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64), "4c": (128, 128, 256, 24, 64, 64), "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128), "5a": (256, 160, 320, 32, 128, 128), "5b": (384, 192, 384, 48, 128, 128),
}  # fmt: skip
LRN = {"lrn_param": {"local_size": 5, "alpha": 1e-4, "beta": 0.75}}
TRAIN, TEST = {"include": {"phase": "TRAIN"}}, {"include": {"phase": "TEST"}}


def pooling(name, bottom, kind, kernel, stride, pad=0):
    parameters = {"pool": kind, "kernel_size": kernel, "stride": stride} | ({"pad": pad} if pad else {})
    return Layer("Pooling", name, bottom, name, {"pooling_param": parameters})


class Googlenet:
    """`layers`: those of BVLC's GoogLeNet. weights: {"LAYER.weight": HWIO or [in, out], "LAYER.bias": ...}."""

    def __init__(self, weights):
        self.weights, self.layers = weights, []
        x = self.pool("pool1/3x3_s2", self.conv("conv1/7x7_s2", "data", 64, 7, 3, 2, "conv1/relu_7x7"), 2)
        x = self.conv("conv2/3x3_reduce", self.lrn("pool1/norm1", x), 64, 1)
        x = self.pool("pool2/3x3_s2", self.lrn("conv2/norm2", self.conv("conv2/3x3", x, 192, 3, 1)), 2)
        for module, widths in GOOGLENET.items():
            if module in ("4a", "5a"):
                x = self.pool(f"pool{module[0]}/3x3_s2".replace("4", "3").replace("5", "4"), x, 2)
            x = self.inception(f"inception_{module}", x, *widths)
        self.layers.append(pooling("pool5/7x7_s1", x, "AVE", 7, 1))
        self.layers.append(Layer("Dropout", "pool5/drop_7x7_s1", *["pool5/7x7_s1"] * 2, {"dropout_param": {"dropout_ratio": 0.4}}))
        self.linear("loss3/classifier", "pool5/7x7_s1", 1000)

    def conv(self, name, bottom, outputs, kernel, pad=0, stride=1, relu=""):
        parameters = {"num_output": outputs} | ({"pad": pad} if pad else {}) | {"kernel_size": kernel}
        parameters |= ({"stride": stride} if stride > 1 else {}) | {"weight_filler": {"type": "xavier", "std": 0.1}}
        blobs = (self.weights[f"{name}.weight"].transpose(3, 2, 0, 1), self.weights[f"{name}.bias"])
        self.layers.append(Layer("Convolution", name, bottom, name, {"convolution_param": parameters}, blobs))
        relu = relu or name.replace("/", "/relu_")
        self.layers.append(Layer("ReLU", relu, name, name))
        return name

    def pool(self, name, bottom, stride):
        self.layers.append(pooling(name, bottom, "MAX", 3, stride, 1 if stride == 1 else 0))
        return name

    def lrn(self, name, bottom):
        self.layers.append(Layer("LRN", name, bottom, name, LRN))
        return name

    def inception(self, name, x, one, reduce3, three, reduce5, five, project):
        branches = [
            self.conv(f"{name}/1x1", x, one, 1),
            self.conv(f"{name}/3x3", self.conv(f"{name}/3x3_reduce", x, reduce3, 1), three, 3, 1),
            self.conv(f"{name}/5x5", self.conv(f"{name}/5x5_reduce", x, reduce5, 1), five, 5, 2),
            self.conv(f"{name}/pool_proj", self.pool(f"{name}/pool", x, 1), project, 1),
        ]
        self.layers.append(Layer("Concat", f"{name}/output", " ".join(branches), f"{name}/output"))
        return f"{name}/output"

    def linear(self, name, bottom, outputs):
        blobs = (self.weights[f"{name}.weight"].T, self.weights[f"{name}.bias"])
        self.layers.append(Layer("InnerProduct", name, bottom, name, {"inner_product_param": {"num_output": outputs}}, blobs))


def as_trained(layers, side=224):
    """The layers in the file that Caffe writes after training: with the data layer, the loss, a copy of labels; here without heads."""
    pixels = {"transform_param": {"mirror": True, "crop_size": side, "mean_value": [104.0, 117.0, 123.0]}}
    data = Layer("Data", "data", "", "data label", TRAIN | pixels)
    split = Layer("Split", "label_data_1_split", "label", "label_data_1_split_0 label_data_1_split_1")  # for each loss one
    return [data, split, *layers, Layer("SoftmaxWithLoss", "loss", f"{layers[-1].tops} label_data_1_split_1", "loss")]


def as_deployed(layers):
    """The layers without their parameters' values, and with probabilities in the end."""
    return [layer._replace(blobs=()) for layer in layers] + [Layer("Softmax", "prob", layers[-1].tops, "prob")]


CAFFENET = (  # name, outputs, kernel, pad, stride, group, what follows (BVLC's reference, an AlexNet whose LRN comes after its pools)
    ("conv1", 96, 11, 0, 4, 1, "pool norm"), ("conv2", 256, 5, 2, 1, 2, "pool norm"), ("conv3", 384, 3, 1, 1, 1, ""),
    ("conv4", 384, 3, 1, 1, 2, ""), ("conv5", 256, 3, 1, 1, 2, "pool"),
)  # fmt: skip


def caffenet(r, divide=1, side=227):
    """Its layers, with weights from a random generator, for pixels of about 60. divide: by how much all but the last are narrower."""
    layers, x, channels = [], "data", 3
    for name, outputs, kernel, pad, stride, group, then in CAFFENET:
        shape = (outputs // divide, channels // group, kernel, kernel)
        parameters = {"num_output": shape[0], "pad": pad, "kernel_size": kernel, "stride": stride, "group": group}
        blobs = _drawn(r, shape, 1 if layers else 60)
        layers.append(Layer("Convolution", name, x, name, {"convolution_param": parameters}, blobs))
        layers.append(Layer("ReLU", name.replace("conv", "relu"), name, name))
        x, channels = name, shape[0]
        for kind in then.split():
            top = name.replace("conv", kind)
            layers.append(pooling(top, x, "MAX", 3, 2) if kind == "pool" else Layer("LRN", top, x, top, LRN))
            x = top
    side = (((side - 11) // 4 + 1 - 1) // 2 - 1) // 2 // 2
    inputs = channels * side * side
    for name, outputs in (("fc6", 4096 // divide), ("fc7", 4096 // divide), ("fc8", 1000)):
        layers.append(Layer("InnerProduct", name, x, name, {"inner_product_param": {"num_output": outputs}}, _drawn(r, (outputs, inputs))))
        if name != "fc8":
            layers.append(Layer("ReLU", f"relu{name[2]}", name, name))
            layers.append(Layer("Dropout", f"drop{name[2]}", name, name, {"dropout_param": {"dropout_ratio": 0.5}}))
        x, inputs = name, outputs
    return layers


def few_layers(r):
    """A network for maps [1, 3, 9, 9] with a few hundred bytes, of layers that version 1 has too."""
    return [
        Layer("Convolution", "conv", "data", "conv", {"convolution_param": {"num_output": 2, "kernel_size": 3}}, _drawn(r, (2, 3, 3, 3))),
        Layer("ReLU", "relu", "conv", "conv"),
        Layer("LRN", "norm", "conv", "norm", LRN),
        pooling("pool", "norm", "AVE", 3, 2, 1),
        Layer("InnerProduct", "fc", "pool", "fc", {"inner_product_param": {"num_output": 3}}, _drawn(r, (3, 32))),
    ]  # fmt: skip


def every_layer(r):
    """A small network for maps [1, 3, 19, 23] that has each type of layer that OpenCV reads too, many of them in place."""
    window = {"kernel_h": 3, "kernel_w": 5, "stride_h": 2, "stride_w": 1, "pad_h": 1, "pad_w": 2}
    statistics = r.standard_normal(8, np.float32) * 3, r.random(8, np.float32) * 9 + 1, np.array([3.0], np.float32)
    scales = r.standard_normal(8, np.float32), r.standard_normal(8, np.float32)
    return [
        Layer("Convolution", "conv1", "data", "conv1", {"convolution_param": {"num_output": 8} | window}, _drawn(r, (8, 3, 3, 5))),
        Layer("BatchNorm", "conv1/bn", "conv1", "conv1", {"batch_norm_param": {"eps": 1e-3}}, statistics),
        Layer("Scale", "conv1/scale", "conv1", "conv1", {"scale_param": {"bias_term": True}}, scales),
        Layer("ReLU", "relu1", "conv1", "conv1", {"relu_param": {"negative_slope": 0.125}}),
        pooling("pool1", "conv1", "MAX", 3, 2),
        Layer("Convolution", "conv2", "pool1", "conv2", {
            "convolution_param": {"num_output": 12, "kernel_size": 3, "pad": 2, "dilation": 2, "group": 2, "bias_term": False},
        }, _drawn(r, (12, 4, 3, 3))[:1]),
        Layer("PReLU", "prelu2", "conv2", "conv2", {}, (r.random(12, np.float32),)),
        Layer("LRN", "norm2", "conv2", "norm2", {"lrn_param": {"local_size": 3, "alpha": 0.5, "beta": 0.75}}),
        pooling("pool2", "norm2", "AVE", 3, 2, 1),
        Layer("Split", "split", "pool2", "a b c d"),
        Layer("Sigmoid", "sigmoid", "a", "sigmoid"),
        Layer("TanH", "tanh", "b", "tanh"),
        Layer("ELU", "elu", "c", "elu", {"elu_param": {"alpha": 0.5}}),
        Layer("Power", "power", "d", "d", {"power_param": {"scale": -2.0, "shift": 0.5}}),
        Layer("Eltwise", "sum", "sigmoid tanh elu", "sum", {"eltwise_param": {"operation": "SUM", "coeff": [1.0, -2.0, 0.5]}}),
        Layer("Eltwise", "product", "sigmoid tanh elu", "product", {"eltwise_param": {"operation": "PROD"}}),
        Layer("Eltwise", "max", "elu d", "max", {"eltwise_param": {"operation": "MAX"}}),
        Layer("Concat", "concat", "sum product max", "concat"),
        Layer("Deconvolution", "up", "concat", "up", {
            "convolution_param": {"num_output": 6, "kernel_size": 4, "stride": 2, "pad": 1},
        }, (*_drawn(r, (36, 6, 4, 4))[:1], r.standard_normal(6, np.float32))),
        Layer("Pooling", "rows", "up", "rows", {
            "pooling_param": {"pool": "AVE", "kernel_h": 2, "kernel_w": 3, "stride_h": 2, "stride_w": 3},
        }),
        Layer("InnerProduct", "fc1", "rows", "fc1", {"inner_product_param": {"num_output": 10}}, _drawn(r, (10, 6 * 3 * 4))),
        Layer("Dropout", "drop", "fc1", "fc1", {"dropout_param": {"dropout_ratio": 0.5}}),
        Layer("InnerProduct", "fc2", "fc1", "fc2", {"inner_product_param": {"num_output": 7, "bias_term": False}}, _drawn(r, (7, 10))[:1]),
        Layer("Softmax", "prob", "fc2", "prob"),
    ]  # fmt: skip


def small_networks(r):
    """{name: (layers, inputs)}: each type of layer in networks of a few, no two of which share a name of a layer with blobs."""
    convolution = {"num_output": 4, "kernel_size": [1, 2], "pad": 2, "dilation": 2, "group": 2, "bias_term": False}
    upscale = {"num_output": 2, "kernel_h": 2, "kernel_w": 3, "stride_h": 2, "stride_w": 1, "pad_w": 1}
    return {
        "scaled": ([
            Layer("Convolution", "c", "x", "c", {"convolution_param": convolution}, _drawn(r, (4, 1, 1, 2))[:1]),
            Layer("BatchNorm", "n", "c", "c", {"batch_norm_param": {"eps": 1e-3}}, (np.ones(4), np.ones(4), np.ones(1))),
            Layer("Scale", "s", "c", "c", {"scale_param": {"bias_term": True}}, (np.ones(4), np.ones(4))),
            Layer("ReLU", "r", "c", "c", {"relu_param": {"negative_slope": 0.125}}),
            pooling("p", "c", "MAX", 3, 2),
        ], {"x": (1, 2, 5, 5)}),
        "up": ([
            Layer("Deconvolution", "u", "x", "u", {"convolution_param": upscale}, (*_drawn(r, (3, 2, 2, 3))[:1], np.ones(2))),
            Layer("PReLU", "q", "u", "q", {"prelu_param": {"channel_shared": False}}, (np.ones(2),)),
            Layer("Bias", "b", "q", "b", {"bias_param": {"axis": 1}}, (np.ones(2),)),
            Layer("Pooling", "p", "b", "p", {"pooling_param": {"pool": "AVE", "kernel_h": 2, "kernel_w": 3, "pad_w": 1}}),
            Layer("Pooling", "g", "p", "g", {"pooling_param": {"pool": "AVE", "global_pooling": True}}),
        ], {"x": (1, 3, 4, 4)}),
        "sums": ([
            Layer("Split", "split", "x", "a b"),
            Layer("ELU", "e", "a", "e", {"elu_param": {"alpha": 0.5}}),
            Layer("Power", "w", "b", "b", {"power_param": {"scale": -2.0, "shift": 0.5}}),
            Layer("Eltwise", "sum", "e b", "sum", {"eltwise_param": {"operation": "SUM", "coeff": [1.0, -2.0]}}),
            Layer("Eltwise", "max", "e b", "max", {"eltwise_param": {"operation": "MAX"}}),
            Layer("Concat", "k", "sum max", "k", {"concat_param": {"axis": 1}}),
        ], {"x": (1, 2, 3, 3)}),
        "units": ([
            Layer("Sigmoid", "s1", "x", "s1"), Layer("TanH", "t", "y", "t"),
            Layer("Eltwise", "product", "s1 t", "product", {"eltwise_param": {"operation": "PROD"}}),
            Layer("LRN", "l", "product", "l", LRN),
        ], {"x": (1, 2, 3, 3), "y": (1, 2, 3, 3)}),
        "classes": ([
            Layer("Input", "x", "", "x", {"input_param": {"shape": {"dim": [1, 3, 2, 2]}}}),
            Layer("Reshape", "h", "x", "h", {"reshape_param": {"shape": {"dim": [0, -1, 2]}}}),
            Layer("Flatten", "f", "h", "f", {"flatten_param": {"axis": 1}}),
            Layer("InnerProduct", "i", "f", "i", {"inner_product_param": {"num_output": 3, "bias_term": False}}, _drawn(r, (3, 12))[:1]),
            Layer("Dropout", "d", "i", "i", {"dropout_param": {"dropout_ratio": 0.5}}),
            Layer("Softmax", "m", "i", "m", {"softmax_param": {"axis": 1}}),
        ], {}),
    }  # fmt: skip


def _drawn(r, shape, pixels=1):
    """(weights, biases): the variance is He's, for inputs of about `pixels`."""
    scale = np.sqrt(2 / np.prod(shape[1:])) / pixels
    return (r.standard_normal(shape, np.float32) * np.float32(scale), r.standard_normal(shape[0], np.float32) * np.float32(0.1))


def main(weights, folder):
    layers = Googlenet(np.load(weights)).layers
    Path(folder, "bvlc_googlenet.caffemodel").write_bytes(caffemodel(as_trained(layers), 1, "GoogleNet"))
    Path(folder, "deploy.prototxt").write_text(prototxt(as_deployed(layers), 2, "GoogleNet", {"data": (10, 3, 224, 224)}))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
