"""The messages of Caffe's files, as far as an inference needs them: each field's kind and number, for both the binary and the text format.

(https://github.com/BVLC/caffe/blob/master/src/caffe/proto/caffe.proto)"""

from typing import Any, NamedTuple, TypeAlias

from ...text import printable, shortened

Message: TypeAlias = dict[str, list[Any]]  # field -> its values in order; a field that is absent has none

TABLE = """
Net name:text=1 layers:V1Layer*=2 input:text*=3 input_dim:int*=4 input_shape:Shape*=8 layer:Layer*=100
Layer name:text=1 type:text=2 bottom:text*=3 top:text*=4 blobs:Blob*=7 include:Rule*=8 exclude:Rule*=9 transform_param:Transform=100
    concat_param:Concat=104 convolution_param:Convolution=106 dropout_param:Dropout=108 eltwise_param:Eltwise=110
    inner_product_param:InnerProduct=117 lrn_param:LRN=118 pooling_param:Pooling=121 power_param:Power=122 relu_param:ReLU=123
    softmax_param:Softmax=125 prelu_param:PReLU=131 reshape_param:Reshape=133 flatten_param:Flatten=135
    batch_norm_param:BatchNorm=139 elu_param:ELU=140 bias_param:Scale=141 scale_param:Scale=142 input_param:Input=143
V1Layer layer:V0Layer=1 bottom:text*=2 top:text*=3 name:text=4 type:V1Type=5 blobs:Blob*=6 include:Rule*=32 exclude:Rule*=33
    concat_param:Concat=9 convolution_param:Convolution=10 dropout_param:Dropout=12 inner_product_param:InnerProduct=17 lrn_param:LRN=18
    pooling_param:Pooling=19 power_param:Power=21 eltwise_param:Eltwise=24 relu_param:ReLU=30 transform_param:Transform=36
    softmax_param:Softmax=39
V0Layer name:text=1
Blob num:int=1 channels:int=2 height:int=3 width:int=4 data:floats*=5 shape:Shape=7 double_data:doubles*=8
Shape dim:int*=1
Rule phase:Phase=1 min_level:int=2 max_level:int=3 stage:text*=4
Transform scale:float=1 crop_size:int=3 mean_value:float*=5
Concat concat_dim:int=1 axis:int=2
Convolution num_output:int=1 bias_term:bool=2 pad:int*=3 kernel_size:int*=4 group:int=5 stride:int*=6 pad_h:int=9 pad_w:int=10
    kernel_h:int=11 kernel_w:int=12 stride_h:int=13 stride_w:int=14 axis:int=16 dilation:int*=18
Dropout dropout_ratio:float=1
Eltwise operation:Operation=1 coeff:float*=2
InnerProduct num_output:int=1 bias_term:bool=2 axis:int=5 transpose:bool=6
LRN local_size:int=1 alpha:float=2 beta:float=3 norm_region:Region=4 k:float=5
Pooling pool:Pool=1 kernel_size:int*=2 stride:int*=3 pad:int*=4 kernel_h:int=5 kernel_w:int=6 stride_h:int=7 stride_w:int=8
    pad_h:int=9 pad_w:int=10 global_pooling:bool=12 round_mode:Round=13
Power power:float=1 scale:float=2 shift:float=3
ReLU negative_slope:float=1
Softmax axis:int=2
PReLU channel_shared:bool=2
Reshape shape:Shape=1 axis:int=2 num_axes:int=3
Flatten axis:int=1 end_axis:int=2
BatchNorm eps:float=3
ELU alpha:float=1
Scale axis:int=1 num_axes:int=2 bias_term:bool=4
Input shape:Shape*=1
"""  # `*`: a list. Of Bias, `num_axes` and `axis` are those of Scale

ENUMERATIONS = {
    "Phase": {"TRAIN": 0, "TEST": 1},
    "Pool": {"MAX": 0, "AVE": 1, "STOCHASTIC": 2},
    "Round": {"CEIL": 0, "FLOOR": 1},
    "Region": {"ACROSS_CHANNELS": 0, "WITHIN_CHANNEL": 1},
    "Operation": {"PROD": 0, "SUM": 1, "MAX": 2},
    "V1Type": {
        "NONE": 0, "ACCURACY": 1, "BNLL": 2, "CONCAT": 3, "CONVOLUTION": 4, "DATA": 5, "DROPOUT": 6, "EUCLIDEAN_LOSS": 7, "FLATTEN": 8,
        "HDF5_DATA": 9, "HDF5_OUTPUT": 10, "IM2COL": 11, "IMAGE_DATA": 12, "INFOGAIN_LOSS": 13, "INNER_PRODUCT": 14, "LRN": 15,
        "MULTINOMIAL_LOGISTIC_LOSS": 16, "POOLING": 17, "RELU": 18, "SIGMOID": 19, "SOFTMAX": 20, "SOFTMAX_LOSS": 21, "SPLIT": 22,
        "TANH": 23, "WINDOW_DATA": 24, "ELTWISE": 25, "POWER": 26, "SIGMOID_CROSS_ENTROPY_LOSS": 27, "HINGE_LOSS": 28, "MEMORY_DATA": 29,
        "ARGMAX": 30, "THRESHOLD": 31, "DUMMY_DATA": 32, "SLICE": 33, "MVN": 34, "ABSVAL": 35, "SILENCE": 36, "CONTRASTIVE_LOSS": 37,
        "EXP": 38, "DECONVOLUTION": 39,
    },
}  # fmt: skip


class Field(NamedTuple):
    """kind: int, bool, float, text, floats and doubles (arrays), or the name of an enumeration or a message."""

    name: str
    kind: str
    many: bool
    number: int


def _fields(line: str) -> tuple[str, list[Field]]:
    """(message, its fields) of a line of TABLE."""
    message, *fields = line.split()
    found = []
    for text in fields:
        name, rest = text.split(":")
        kind, number = rest.split("=")
        found.append(Field(name, kind.rstrip("*"), kind.endswith("*"), int(number)))
    return message, found


MESSAGES = dict(_fields(line) for line in TABLE.strip().replace("\n    ", " ").splitlines())
BY_NUMBER = {message: {field.number: field for field in fields} for message, fields in MESSAGES.items()}
BY_NAME = {message: {field.name: field for field in fields} for message, fields in MESSAGES.items()}

VALUE, CHARACTER = 400, 4  # bytes that a value, and a character of a text, take in Python at most
MOST = 48 << 20  # bytes of the values of a file, arrays aside: more than a hundred thousand of them
LONGEST_NAME = 1000


class Values:
    """What is read from a file becomes values in messages; their number is limited, as each takes more memory than it has bytes."""

    def __init__(self) -> None:
        self.left = MOST

    def add(self, message: Message, field: Field, value: Any) -> None:
        """Adds a value to a list; a later one replaces that of a field that is no list."""
        self.left -= VALUE + CHARACTER * (len(value) if isinstance(value, str) else 0)
        if self.left < 0:
            raise ValueError("it has too many values")
        if isinstance(value, str) and len(value) > LONGEST_NAME:
            raise ValueError(f"a text of {len(value)} characters, expected at most {LONGEST_NAME}: {shortened(printable(value), 80)}")
        if field.many:
            message.setdefault(field.name, []).append(value)
        else:
            message[field.name] = [value]

    def part(self, message: Message, field: Field) -> Message:
        """The message in a field, into which its parts are read: a new one in a list, else the one that is there already."""
        if field.many or field.name not in message:
            self.add(message, field, {})
        part: Message = message[field.name][-1]
        return part


def one(message: Message, name: str, default: Any) -> Any:
    """The value of a field, or the default where it is absent."""
    return message[name][0] if name in message else default


def part(message: Message, name: str) -> Message:
    """The message in a field; an empty one, with all its defaults, where it is absent."""
    found: Message = one(message, name, {})
    return found
