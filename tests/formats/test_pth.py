"""Files of torch.save: what PyTorch wrote is read as PyTorch reads it, and nothing in a file is called or believed."""

import io
import struct
import warnings
import zipfile

import numpy as np
import pytest

from minigoog.formats import pth, state_dict
from tests.answers import asked

from .torch_files import archive, dictionary, integer, legacy, storage, tensor, text

KINDS = ("zip", "legacy", "protocol 4", "checkpoint", "nested", "parallel")
CHANGING = ("legacy", "old model", "script")
REFUSED = {
    "model": "the object torch.nn.modules.container.Sequential; a state dict is read, save it by torch.save(model.state_dict(), ...)",
    "old model": "the object torch.nn.modules.container.Sequential; a state dict is read, save it by torch.save(model.state_dict(), ...)",
    "script": "it is a TorchScript archive, a program; a state dict is read, save it by torch.save(model.state_dict(), ...)",
    "tensor": "it holds one tensor, expected a state dict", "list": "it holds a list, expected a state dict",
    "complex": "the type torch.ComplexFloatStorage, expected one of DoubleStorage, FloatStorage",
    "numbers": "it has no tensors, expected a state dict", "two": "it has 2 dictionaries of tensors (generator, critic)",
}  # fmt: skip


def stored_as(kind, file):
    """The bytes of a file under a name that says whether they are the same each time: addresses in memory are in the older format."""
    return {f"file{', another each time' * (kind in CHANGING)}": np.frombuffer(file.getvalue(), np.uint8)}


def file_of(answer):
    return next(array for name, array in answer.items() if name.startswith("file")).tobytes()


def torchs_tensors(torch, old):
    """A state dict with every kind of element and of view."""
    w = torch.arange(24.0).reshape(2, 3, 4) / 7 - 1
    found = {"plain": w, "transposed": w.permute(2, 0, 1), "strided": w[1:, ::2, 1::2], "same": w, "expanded": w[:1, 0, :1].expand(5, 4)}
    found |= {"half": w.half(), "bfloat16": w.bfloat16(), "double": w[0].double(), "byte": torch.tensor([200], dtype=torch.uint8)}
    found |= {"scalar": torch.tensor(3), "empty": torch.zeros(0, 3), "bool": torch.tensor([True, False])}
    found |= {"parameter": torch.nn.Parameter(w[0])}
    found |= {name: torch.tensor([-3, 100], dtype=getattr(torch, name)) for name in ("int8", "int16", "int32", "int64")}
    if not old:  # these need _rebuild_tensor_v3
        found |= {name: torch.tensor([3, 2**16 - 1]).to(getattr(torch, name)) for name in ("uint16", "uint32", "uint64")}
        found |= {name: (w * 5).abs().to(getattr(torch, name)) for name in ("float8_e4m3fn", "float8_e5m2", "float8_e8m0fnu")}
    return found


@asked("torch", *KINDS)
def pytorchs_file(kind):
    """A file that PyTorch wrote, and what it reads in it."""
    import torch

    state = torchs_tensors(torch, old=kind == "legacy")
    if kind not in ("zip", "legacy"):
        state = {name: state[name] for name in ("plain", "transposed", "half")}
    optimizer = {"state": {0: {"step": torch.tensor(3.0), "exp_avg": state["plain"]}}, "param_groups": [{"lr": 0.1, "params": [0]}]}
    saved = {
        "checkpoint": {"epoch": 3, "best": 0.5, "args": None, "optimizer": optimizer, "state_dict": state},
        "nested": {"model": {"state_dict": state}, "loss": torch.tensor(1.0)},
        "parallel": {f"module.{name}": value for name, value in state.items()},
    }.get(kind, state)
    file = io.BytesIO()
    torch.save(saved, file, pickle_protocol=4 if kind == "protocol 4" else 2, _use_new_zipfile_serialization=kind != "legacy")
    values = {name: value.detach() for name, value in state.items()}
    wide = {name: value.float() if "float" in str(value.dtype) and value.element_size() < 4 and value.dtype != torch.half else value
            for name, value in values.items()}  # fmt: skip
    return stored_as(kind, file) | {f"value {name}": value.numpy() for name, value in wide.items()}


@asked("torch", *REFUSED)
def pytorchs_other_file(kind):
    """A file of torch.save that is no state dict."""
    import torch

    torch.manual_seed(0)
    model, one, file = torch.nn.Sequential(torch.nn.Linear(1, 1)), torch.ones(1), io.BytesIO()
    if kind == "script":
        with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
            torch.jit.save(torch.jit.script(model), file)
    else:
        saved = {"tensor": one, "list": [one], "complex": {"a": one.cfloat()}, "numbers": {"a": 3},
                 "two": {"generator": {"a": one}, "critic": {"a": one}}}  # fmt: skip
        torch.save(saved.get(kind, model), file, _use_new_zipfile_serialization=kind != "old model")
    return stored_as(kind, file)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "weights.pth"


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_of_pytorch_is_read_as_pytorch_reads_it(path, kind):
    answer = pytorchs_file(kind)
    path.write_bytes(file_of(answer))
    found = pth.load(path)
    expected = {name.removeprefix("value "): array for name, array in answer.items() if name.startswith("value ")}
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        assert found[name].dtype == array.dtype and found[name].shape == array.shape, name
        assert np.array_equal(found[name], array), name
    assert state_dict.load(path).keys() == expected.keys()


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_state_dict_is_refused_with_what_to_do(path, kind):
    path.write_bytes(file_of(pytorchs_other_file(kind)))
    with pytest.raises(ValueError) as error:
        pth.load(path)
    assert REFUSED[kind] in str(error.value) and str(error.value).startswith(f"{path}: ") and str(error.value).isprintable()


def test_tensors_that_share_a_storage_are_views_of_the_same_memory(path):
    path.write_bytes(file_of(pytorchs_file("zip")))
    found = pth.load(path)
    assert np.shares_memory(found["plain"], found["same"]) and np.shares_memory(found["plain"], found["strided"])
    assert not found["plain"].flags.writeable


SIX = np.arange(6, dtype=np.float32)
PLAIN = dictionary(a=tensor((2, 3), (3, 1)))


@pytest.mark.parametrize("make", [
    lambda: archive(PLAIN, [SIX.tobytes()]), lambda: legacy(PLAIN, [SIX.tobytes()]),
    lambda: archive(PLAIN, [SIX.tobytes()], zipfile.ZIP_DEFLATED), lambda: archive(PLAIN, [SIX.tobytes()], byteorder=b"little"),
    lambda: archive(PLAIN, [SIX.astype(">f4").tobytes()], byteorder=b"big"),
    lambda: legacy(dictionary(a=tensor((2, 3), (3, 1), of=storage(9, more=b"(" + text("1") + integer(3) + integer(6) + b"t"))),
                   [np.float32([7, 7, 7, *SIX]).tobytes()]),
    lambda: archive(b"ccollections\nOrderedDict\n(](](" + text("a") + tensor((2, 3), (3, 1)) + b"eetR", [SIX.tobytes()]),
], ids=["zip", "legacy", "deflated", "little", "big-endian", "a part of a storage", "Python 2"])  # fmt: skip
def test_each_form_gives_the_same_array(path, make):
    path.write_bytes(make())
    found = pth.load(path)["a"]
    assert found.dtype == np.float32 and found.dtype.isnative and found.tolist() == [[0, 1, 2], [3, 4, 5]]


def with_checksum(checksum):
    """An archive with this checksum of its last member, the storage."""
    data = bytearray(archive(PLAIN, [SIX.tobytes()]))
    struct.pack_into("<I", data, data.rindex(b"PK\1\2") + 16, checksum)
    return bytes(data)


def test_a_storage_without_a_checksum_is_read(path):
    """torch.serialization.set_crc32_options(False) and skip_data() write 0."""
    path.write_bytes(with_checksum(0))
    with zipfile.ZipFile(path) as zipped:
        assert zipped.testzip() == "a/data/0"  # a reader that compares all of them would refuse it
    assert pth.load(path)["a"].tolist() == [[0, 1, 2], [3, 4, 5]]


def damaged(data, old, new):
    assert old in data
    return data.replace(old, new)


def overlapping():
    """Nine members of the archive have the same bytes."""
    names = [str(key) for key in range(9)]
    value = dictionary(**{name: tensor((1000,), (1,), of=storage(1000, name)) for name in names})
    data = archive(value, [bytes(4000)] * 9)
    end = len(data) - 22
    begin = struct.unpack_from("<I", data, end + 16)[0]
    entries = [bytearray(b"PK\1\2" + entry) for entry in data[begin:end].split(b"PK\1\2")[1:]]
    first = struct.unpack_from("<I", entries[1], 42)[0]
    for entry in entries[1:]:
        struct.pack_into("<I", entry, 42, first)
    kept = data[: first + 30 + len("a/data/0") + 4000]
    return kept + b"".join(entries) + data[end : end + 16] + struct.pack("<I", len(kept)) + data[end + 20 :]


HOSTILE = [
    (archive(dictionary(a=tensor((7,), (1,)))), "`a` has shape (7,), strides (1,) and offset 0, outside of its storage of 6 elements"),
    (archive(dictionary(a=tensor((2,), (5,), 1))), "outside of its storage"), (archive(dictionary(a=tensor((), (), 6))), "outside of its"),
    (archive(dictionary(a=tensor((2,), (2**61,)))), "outside of its storage"), (archive(dictionary(a=tensor((-1,), (1,)))), "shape (-1,)"),
    (archive(dictionary(a=tensor((2,), (-1,), 5))), "strides (-1,)"), (archive(dictionary(a=tensor((2, 3), (1,)))), "strides (1,)"),
    (archive(dictionary(a=tensor((2**40,), (0,)))), "repeats what the file has"),
    (archive(dictionary(a=tensor((0, 2**61), (1, 1)))), "expected at most 32 axes and 2^62 bytes"),
    (archive(dictionary(a=tensor((1,) * 33, (1,) * 33))), "expected at most 32 axes"),
    (archive(dictionary(a=tensor((6,), (1,))), [bytes(20)]), "`a` has a storage of 20 bytes, expected 24"),
    (archive(dictionary(a=tensor((6,), (1,))), []), "it has no 'a/data/0'"),
    (archive(dictionary(a=tensor((6,), (1,)), b=tensor((2,), (1,), size=2))), "two storages under one key"),
    (archive(dictionary(a=b"cos\nsystem\n" + text("ls") + b"\x85R")), "the object os.system; a state dict is read"),
    (archive(dictionary(a=b"cbuiltins\neval\n" + text("1") + b"\x85R")), "the object builtins.eval"),
    (archive(dictionary(a=b"cnumpy.core.multiarray\nscalar\n")), "the object numpy.core.multiarray.scalar"),
    (archive(dictionary(a=b"cx\n\x1b[2J\n")), "the object x.\\x1b[2J"), (archive(b"ctorch\nFloatStorage\n)R"), "(a call)"),
    (archive(b"(" + text("module") + b"NNNtQ"), "it holds a module, with its code"),
    (archive(b"}", [], byteorder=b"odd"), "byte order is b'odd'"),
    (archive(dictionary(a=tensor((1,), (1,), function="_rebuild_tensor_v3", more=b"ctorch.storage\nUntypedStorage\n"))), "a damaged"),
    (archive(b"}" + b"q\x00" + text("state_dict") + b"h\x00s"), "it has no tensors"), (archive(b"}", folder="a/b"), "without data.pkl"),
    (archive(PLAIN, [bytes(24)], zipfile.ZIP_BZIP2), "is compressed by method 12, expected none or deflate"),
    (archive(dictionary(a=tensor((6,), (1,), size=1 << 23)), [bytes(1 << 25)], zipfile.ZIP_DEFLATED), "members are larger than"),
    (with_checksum(3), "'a/data/0' does not have its checksum"), (archive(PLAIN, [SIX.tobytes()]).replace(b"?", b">", 1), "its checksum"),
    (overlapping(), "its members are larger than the file"), (archive(PLAIN)[:-30], "it has no directory: is the file complete?"),
    (damaged(archive(PLAIN), b"PK\1\2", b"PK\1\3"), "a damaged zip archive (its directory)"),
    (b"PK\3\4" + bytes(50) + b"PK\5\6" + b"\xff" * 18, "a directory of 65535 members"),
    (legacy(PLAIN, version=1002), "it has version 1002, expected 1001"),
    (legacy(PLAIN, keys=["7"]), "the storage '7', which no tensor has"),
    (legacy(PLAIN, [bytes(20)]), "storage '0' has 5 elements"), (legacy(PLAIN)[:-1], "or the file ends within them"),
    (legacy(PLAIN, []), "it has no storage '0'"), (b"\x80\x02}.", "it is a pickle, but not one of torch.save"),
    (b"\x80\x02", "it ends too early"), (b"", "it is empty"), (b"\xff\xd8\xff\xe0abcdefg", "it is a JPEG image"),
    (b"hello world", "it is text"),
]  # fmt: skip


@pytest.mark.parametrize(("data", "message"), HOSTILE, ids=range(len(HOSTILE)))
def test_each_way_to_be_wrong_is_said_in_one_line(path, data, message):
    path.write_bytes(data)
    with pytest.raises(ValueError) as error:
        pth.load(path)
    text = str(error.value)
    assert message in text and text.startswith(f"{path}: not a state dict of PyTorch") and text.isprintable() and len(text) < 1000


def test_a_missing_file_is_an_error_of_the_system(path):
    with pytest.raises(FileNotFoundError):
        pth.load(path)
