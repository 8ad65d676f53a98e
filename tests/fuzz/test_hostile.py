"""Small files that are made to take time or memory, and odd facts in otherwise good ones: refused at once, and the reason is said."""

import gzip
import json
import pickle
import re
import struct
import tarfile
import zipfile
from io import BytesIO

import numpy as np
import pytest

from minigoog import curves
from minigoog.data import archive, idx
from minigoog.formats import safetensors
from minigoog.reading import LONGEST_JSON

from ..formats.caffe_files import field
from ..formats.torch_files import archive as torch_archive
from ..formats.torch_files import dictionary, tensor, text
from .check import CORPUS, Checker
from .readers import READERS

START = b"\x80\x02"  # of a pickle, protocol 2
ARRAY = (CORPUS / "cifar-pickle" / "protocol-2").read_bytes()


@pytest.fixture(scope="module")
def checker():
    return Checker(list(READERS), 0)


# ---- pickles ----


def rebuilt(n):
    """A pickle that sets the same state of 64 kB n times."""
    head = START + b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\x00\x85C\x01btR"
    dtype = b"cnumpy\ndtype\n(U\x02u1tR(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    state = b"(K\x01J\x00\x00\x01\x00\x85" + dtype + b"\x89B\x00\x00\x01\x00" + bytes(1 << 16) + b"t"
    return head + state + b"q\x01b" + b"h\x01b" * n + b"."


def encoded(n):
    """One that encodes the same text of 64 kB n times."""
    text = b"X\x00\x00\x01\x00" + b"a" * (1 << 16) + b"X\x06\x00\x00\x00latin1\x86"
    return START + b"c_codecs\nencode\nq\x01" + text + b"q\x02R0" + b"h\x01h\x02R0" * n + b"N."


TUPLES = b"K\x01" + b"q\x01h\x01\x86" * 60  # a tuple of two equal tuples, and so on: 2^60 leaves
PICKLES = [
    (START + b"I1\n0" * 160_000 + b"N.", r"not a batch of CIFAR \(a NoneType, expected a dictionary\)"),
    (rebuilt(5000), "it makes more than its own"), (encoded(5000), "it makes more than its own"),
    (START + b"}" + TUPLES + b"K\x01s.", "as a name"), (START + TUPLES + b"X\x01\x00\x00\x00a\x93.", "it names"),
    (START + b"}(" + b"".join(b"\x8a\x0a" + (i * (2**61 - 1)).to_bytes(10, "little") + b"N" for i in range(1, 30_000)) + b"u.",
    "as a name"),
    (START + b"X\x00\x00\x20\x00" + "\U0001f600".encode() + bytes((1 << 21) - 4) + b".", "text of 2097152 bytes"),
    (START + b"](" + b"]" * 99_990 + b"e" + (b"(" + b"]" * 99_990 + b"e") * 9 + b".", "more than 500000 opcodes"),
    (START + b"B\x00\x00\x10\x00" + bytes(1 << 20) + b"q\x01}" + b"h\x01Ns" * 1000 + b".", "as a name"),
    (pickle.dumps({"data": 3, "labels": "abc"}, 2), "`labels` is 'abc', expected a list of integers"),
    (pickle.dumps([1, 2], 2), r"\(a list, expected a dictionary\)"), (pickle.dumps({"data": 3}, 2), "it has no 'labels'"),
]  # fmt: skip


# ---- archives ----


def member(name, size, kind=tarfile.REGTYPE):
    info = tarfile.TarInfo(name)
    info.size, info.type = size, kind
    return info.tobuf(tarfile.GNU_FORMAT)


ARCHIVES = [
    (member("film.bin", 3 << 30), "3221225984 bytes in 1 files, unpacked up to `film.bin`, expected at most 536870912"),
    (member("test_batch", 300 << 20), "`test_batch` has 314572800 bytes, expected at most 268435456"),
    (member("x", 400 << 20, tarfile.GNUTYPE_LONGNAME), "a name of 419430400 bytes, expected at most 65536"),
    (member("x", 400 << 20, tarfile.XHDTYPE), "a name of 419430400 bytes"),
    (member("x", 2**60), "expected at most 536870912 bytes"),
    (member("x", 0) * 100_000, "in 1001 files"), (member("x", 512, tarfile.XHDTYPE) * 5000, "in 1001 files"),
    (b"1" * 512, "checksum of a header"),
    (b"a" * 512, "has the number"),
    (member("test_batch", 600) + b"a" * 600, "ends too early"), (b"", "it is empty"),
]  # fmt: skip


# ---- safetensors, and the JSON in them ----


def framed(header, data=b""):
    return len(header).to_bytes(8, "little") + header + data


def filled(item, before, after):
    """A header of almost 2 MiB, full of one thing."""
    return framed(before + b",".join([item] * ((LONGEST_JSON - 100) // (len(item) + 1))) + after)


def changed(reader, **changes):
    """A file of the corpus with other facts in its metadata; None: without."""
    path = CORPUS / reader / reader.split("-")[-1]
    arrays, metadata = safetensors.load(path)
    metadata = {name: text for name, text in (metadata | changes).items() if text is not None}
    return framed(_header(arrays, metadata), b"".join(array.tobytes() for array in arrays.values()))


def _header(arrays, metadata):
    at, entries = 0, {"__metadata__": metadata}
    for name, array in arrays.items():
        entries[name] = {"dtype": safetensors.NAMES[array.dtype], "shape": list(array.shape), "data_offsets": [at, at + array.nbytes]}
        at += array.nbytes
    return json.dumps(entries).encode()


MANY = b"{%s}" % b",".join(b'"%x":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}' % i for i in range(30_000))
SAFETENSORS = [
    (struct.pack("<Q", 84 << 20) + bytes(1 << 20), "has a header of 88080384 bytes, expected at most 1048576"),
    (struct.pack("<Q", (2 << 20) + 1) + bytes(3 << 20), "has a header of 2097153 bytes, expected at most 2097152"),
    (filled(b"{}", b'{"a":[', b"]}"), "expected dtype, shape and data_offsets"),
    (filled(b'{"":0}', b'{"a":[', b"]}"), "expected dtype, shape and data_offsets"),
    (framed(MANY, b"1"), "has 1 bytes of data, expected 0"),
    (framed(b'{"a":' * 300_000), "it is nested too deeply"), (framed(b'{"a":' + b"[" * 900 + b"]" * 900 + b"}"), "expected dtype, shape"),
    (framed(b'{"a":' + b"9" * 1_000_000 + b"}"), "Exceeds the limit"), (framed(b'{"\\u001b[2J":3}'), r"`\\x1b\[2J` is 3"),
]  # fmt: skip
MILLION = json.dumps({"num_classes": 1_000_000, "in_channels": 1})
MODELS = [
    (changed("saved-model", arguments=MILLION), r"weights of shape \(160, 1000000\) are more than its file has"),
    (changed("saved-model", arguments=json.dumps({"in_channels": 10**12})), "`in_channels` is 1000000000000, expected at most"),
    (changed("saved-model", model='"googlenet"', classes=json.dumps([""] * 300_000), arguments='{"num_classes": 300000}'), "are more than"),
    (changed("saved-model", arguments='{"init": 3}'), "do not fit the network"),
    (changed("saved-model", more="[]"), r"`more` \(\[\], expected an"),
    (changed("saved-model", arguments='{"num_classes": "2"}'), "do not fit the network"),
    (changed("saved-model", mean="[NaN]"), "`mean` is"),
    (changed("saved-model", more=json.dumps({"resize": "9" * 5000})), "its metadata is damaged"),
]  # fmt: skip
START_FACTS = json.loads(safetensors.load(CORPUS / "checkpoint" / "checkpoint")[1]["progress"])
CHECKPOINTS = [
    (changed("checkpoint", progress=None), r"not a checkpoint \(it has no 'progress'\)"),
    (changed("checkpoint", random=None), "it has no 'random'"), (changed("checkpoint", fingerprint=None), "it has no 'fingerprint'"),
    (changed("checkpoint", fingerprint='{"training images": [1]}'), "these have changed: training images: 1 "),
    (changed("checkpoint", progress="[]"), "expected an object"), (changed("checkpoint", progress="{}"), "expected epoch, step"),
    (changed("checkpoint", progress=json.dumps(START_FACTS | {"step": "2"})), "`step` is '2', expected int"),
    (changed("checkpoint", progress=json.dumps(START_FACTS | {"loss": np.nan})), "`loss` is nan, expected float"),
    (changed("checkpoint", progress=json.dumps(START_FACTS | {"metrics_length": -1})), "`metrics_length` is -1, expected int, from 0 on"),
    (changed("checkpoint", progress=json.dumps(START_FACTS | {"epoch": -1})), "`epoch` is -1, expected int, from 0 on"),
    (changed("checkpoint", progress=json.dumps(START_FACTS | {"step": 6})), "step 6 of an epoch of 5 steps"),
    (changed("checkpoint", progress=json.dumps(START_FACTS | {"head_losses": [1.0, 2.0]})), "with 2 losses"),
    (changed("checkpoint", random='{"seed": 0}'), "`state` has no `counter`"), (changed("checkpoint", random="3"), "expected an object"),
    (changed("checkpoint", random='{"seed": 0, "counter": "0", "generator": {}}'), "`counter` is '0'"),
]  # fmt: skip


# ---- networks of Caffe ----


def with_blob(blob, kind="Convolution"):
    """A network of one layer that has this blob."""
    return field(100, field(1, "a") + field(2, kind) + field(7, blob))


FLOAT = b"\x2d\0\0\x80\x3f"  # 1.0, with its key
CAFFEMODELS = [
    (b"\x80" * 10 + b"\x01", "a number of more than 10 bytes"), (b"\x20\xff", "it ends too early, at byte 2"),
    (b"\xa2\x06\x7f\x0a", "a part of 127 bytes at byte 3, where 1 are left"),
    (b"\xa2\x06" + b"\xff" * 8 + b"\x7f", "a part of 9223372036854775807 bytes at byte 11, where 0 are left"),
    (b"\x0b", "has the wire type 3"), (b"\x08\x07", "`name` has the wire type 0"),
    (field(100, b"") * 90_000, "it has too many values"), (field(4, 1) * 90_000, "it has too many values"),
    (field(4, b"\x01" * 90_000), "it has too many values"), (with_blob((FLOAT + b"\xf8\x01\0") * 10_000), "it has too many values"),
    (with_blob(field(1, 100_000) + field(2, 1) + field(3, 1) + field(4, 1) + FLOAT * 100_000, "Odd"), r"layer `a` \(Odd\) is of a type"),
    (field(3, "d") + field(100, field(1, "a") + field(2, "ReLU") + field(3, "d") + field(4, "d")) * 3000, "^$"),
    (field(3, "d") + field(100, field(2, "Split") + field(3, "d") * 10_000 + field(4, "e") * 10_000), "a network without outputs"),
    (with_blob(FLOAT[:3]), "it ends within a number at byte"), (with_blob(FLOAT * 100 + FLOAT[:3]), "it ends too early|within a number"),
    (field(1, "a" * 500_000), "a text of 500000 bytes"), (b"\x0a\x01\xff", "it is not utf-8 text"),
    (with_blob(field(5, b"\0\0")), "`data` has 2 bytes, expected a multiple of 4"),
    (with_blob(field(7, field(1, 2**31 - 1) * 9)), r"has 0 values in a blob of shape \(2147483647, 2147483647, "),
    (with_blob(field(7, field(1, 0))), "has a blob of shape 0, expected at most 32 positive integers"),
    (with_blob(field(7, field(1, 1) * 33)), "has a blob of shape 1, 1, 1, 1, 1, 1, 1, 1 and 25 more"),
    (field(2, field(1, field(1, "A"))), "layer `A` is of version 0 of Caffe's format"),
    (field(2, b"") + field(100, b""), "it has layers of version 1 and of version 2"), (b"", "a network without layers"),
    (b"name: 'net'", "it is text"), (b"\x89HDF\r\n\x1a\n", "it is an HDF5 file"),
    (field(100, field(1, "\n") + field(2, "\x1b[2J")), r"layer `\\n` \(\\x1b\[2J\) is of a type"),
]  # fmt: skip
PROTOTXTS = [
    (b"a {" * 10_000, "line 1: it is nested more than 20 deep"), (b"name:" + b" 'a'" * 100_000, "a text of 3998 characters"),
    (b"name: '" + b"a" * 100_000 + b"'", "a text of 100000 characters, expected at most 1000: a"), (b"\xff", "it is not utf-8 text"),
    (b"layer {}\n" * 90_000, "line 8[0-9]{4}: it has too many values"), (b" " * (5 << 20), "more than 4194304 bytes"),
    (b"input: 'data'\n<<<<<<< HEAD\n", "line 2: `<`, expected the name of a field"), (b"input_dim: " + b"9" * 5000, "`input_dim` is 9"),
    (b"input_dim: 9223372036854775808", "`input_dim` is 9223372036854775808, expected a value of kind int"),  # 64 bits with a sign
    (b"input_dim: 08", "`input_dim` is 08, expected a value of kind int"), (b"input_dim [1]", r"`\[`, expected `:` or `\{`"),
    (b"input_dim: [1", "the end, expected a value"), (b"layer { name: 3 }", "`name` is 3, expected a value of kind text"),
    (b"layers { type: POOL }", "`type` is POOL, expected one of NONE, ACCURACY"),
    (b"layer { relu_param { negative_slope: 1e39 } }", "`negative_slope` is 1e39, expected a value of kind float"),
    (b"layer {", "the end, expected the name of a field or }"),
    (b"layers { layer { name: 'a' } }", "layer `a` is of version 0"), (b"name: 'a\x1b'", "network without layers"),
    (b"input: 'd' input_dim: [1, 3, 0, -1] layer { }", "an input has the shape 1, 3, 0, -1"),
]  # fmt: skip


# ---- files of PyTorch ----

TORCH = [
    (torch_archive(dictionary(a=tensor((2**40,), (0,)))), "repeats what the file has"),
    (torch_archive(dictionary(**{f"{i}": tensor((900_000,), (0,)) for i in range(9)})), "repeats what the file has"),
    (torch_archive(dictionary(a=tensor((6,), (1,), size=1 << 22)), [bytes(1 << 24)], zipfile.ZIP_DEFLATED), "larger than the file"),
    (torch_archive(bytes(1 << 24), method=zipfile.ZIP_DEFLATED), "larger than the file"),
    (torch_archive(b"I1\n0" * 260_000 + b"N"), "more than 500000 opcodes"),
    (torch_archive(text("a") + b"N\x86q\x01" + b"0](" + b"h\x01" * 90_000 + b"eq\x02" + b"0ccollections\nOrderedDict\nq\x03"
                   + b"h\x02\x85R0h\x03" * 1000 + b"N"), "it makes more than its own"),
]  # fmt: skip


# ---- texts ----

EPOCH = {"epoch": 1, "train_loss": 1, "train_accuracy": 1, "test_loss": 1, "test_accuracy": 1, "lr": 1, "seconds": 1}


def line(**changes):
    return json.dumps({name: value for name, value in (EPOCH | changes).items() if value is not None}).encode() + b"\n"


METRICS = [
    (b"[" * 100_000 + b"\n", "it is nested too deeply"), (b"3\n", "3, expected an object"), (b"\xff\xfe\xff\n", "it is not utf-8 text"),
    (b"9" * 5000 + b"\n", "Exceeds the limit"), (line(seconds=None), "it has no 'seconds'"),
    (line(lr="high"), "`lr` is 'high', expected a number"),
    (line(test_loss=float("nan")), "`test_loss` is nan"), (line(seconds=10**400), "`seconds` is"),
    (line(test_accuracy=[1]), "`test_accuracy` is"),
    (line() + line(averaged_test_loss=1), "only some epochs have averaged weights"),
    (b" " * (3 << 20), "a line of more than 2097152 bytes"),
]  # fmt: skip
BEGINNING = b'{"processes": 4, "servers": 1}\n'
ARRIVALS = [
    (b"", "it is empty"), (b"{}\n", "no `processes` and `servers`"), (b"[" * 100_000, "nested too deeply"), (b"\xff\n", "it is not utf-8"),
    (b'{"processes": 3, "servers": 1}\n', "it is of 3 processes and 1 servers, expected 4 and 1"),
    (BEGINNING + b'{"resumed": 3}\n', "the run was resumed"), (BEGINNING + b'{"order": []}\n', "it has no 'server'"),
    (BEGINNING + b'{"server": 1, "order": []}\n', "not of one of 1 servers"),
    (BEGINNING + b'{"server": 0, "order": [0]}\n', "ranks from 1 to 3"),
    (BEGINNING + b'{"server": 0, "order": [4]}\n', "ranks from 1 to 3"), (BEGINNING + b'{"server": 0, "order": [true]}\n', "ranks from 1"),
    (BEGINNING + b'{"server": 0, "order": [1, -1, 1]}\n', "rank 1 sends after it has died"),
    (BEGINNING + b'{"server": 0, "order": [' + b"1," * (2 << 20) + b"1]}\n", "bytes of JSON, expected at most"),
]  # fmt: skip
SETTINGS = [
    (b".".join([b"a"] * 32_000) + b"=1\n", "more than 16384 bytes"), (b".".join([b"a"] * 8000) + b"=1\n", "a line of more than 4500 bytes"),
    (b"a=" + b"[" * 4000, "nested too deeply"), (b"lr=[[1], 2]", r"has \[\[1\], 2\] as 'lr', expected text, a number"),
    (b'model="' + b"a" * 4000 + b'"', r"`model` is 'a{37}\.\.\.a{38}', expected one of"),
    (b'seed="' + b"a" * 4000 + b'"', r"a{37}\.\.\.a{38}', expected"), (b"seed=" + b"9" * 999, r"`seed` is 9{18}\.\.\.9{19}, expected"),
    (b"seed=" + b"9" * 4400, "Exceeds the limit"), (b"\xff", "it is not utf-8 text"),
]  # fmt: skip
RESULT = json.loads((CORPUS / "result" / "blow-up").read_bytes())
RESULTS = [
    (b"[" * 100_000, "nested too deeply"), (b"[]", "expected an object"), (b"{}", "it has no 'numbers'"),
    (json.dumps(RESULT | {"numbers": 3}).encode(), "its numbers are 3"),
    (json.dumps(RESULT | {"numbers": {}}).encode(), "it has no 'reduced'"),
    (json.dumps(RESULT | {"machine": {"processor": []}}).encode(), "its machine"),
    (json.dumps(RESULT | {"numbers": {"naive": [], "reduced": []}}).encode(), "not a result of a demonstration"),
]  # fmt: skip
CASES = {
    "idx": [(b"\0\0\x08\x01\xff\xff\xff\xff", "has 0 bytes of data, expected 4294967295"),
    (b"\0\0\x08\x03" + b"\xff" * 12, "has the shape")],
    "idx-gz": [(gzip.compress(b"\0\0\x08\x01\xff\xff\xff\xff"), "has 0 bytes of data, expected 4294967295")],
    "cifar-pickle": PICKLES, "cifar-archive": [(gzip.compress(data), message) for data, message in ARCHIVES] + ARCHIVES[:2],
    "caffemodel": CAFFEMODELS, "prototxt": PROTOTXTS,
    "safetensors": SAFETENSORS, "saved-model": MODELS, "checkpoint": CHECKPOINTS, "metrics": METRICS, "settings": SETTINGS,
    "arrivals": ARRIVALS, "result": RESULTS, "pth": TORCH,
    "kind": [(b"{}", "missing 3 required"), (b'{"quick": 1, "seed": 0, "images": ""}', "expected quick, seed and images")],
}  # fmt: skip


@pytest.mark.parametrize(("name", "data", "message"), [
    pytest.param(name, data, message, id=f"{name}-{i}") for name, cases in CASES.items() for i, (data, message) in enumerate(cases)
])  # fmt: skip
def test_a_hostile_file_is_refused_within_its_memory_and_its_reason_is_said(checker, name, data, message):
    assert checker.limited(name, data) == "" and re.search(message, checker.said), checker.said


def test_what_is_compressed_may_become_so_much_and_no_more(checker, monkeypatch):
    """With a limit of 1 MB in place of 512 MiB."""
    monkeypatch.setattr(idx, "MOST_UNPACKED", 1 << 20)
    monkeypatch.setattr(archive, "MOST_UNPACKED", 1 << 20)
    bomb = gzip.compress(b"\0\0\x08\x01" + struct.pack(">I", 1 << 24) + bytes(1 << 24))
    assert checker.limited("idx-gz", bomb) == "" and "unpacked, it has more than 1048576 bytes, expected at most that" in checker.said
    tar = BytesIO()
    with tarfile.open(fileobj=tar, mode="w:gz") as file:
        info = tarfile.TarInfo("zeros")
        info.size = 1 << 24
        file.addfile(info, BytesIO(bytes(1 << 24)))
    assert checker.limited("cifar-archive", tar.getvalue()) == ""
    assert "16777728 bytes in 1 files, unpacked up to `zeros`, expected at most 1048576" in checker.said


def test_a_run_of_more_epochs_than_anyone_needs_is_refused(checker, monkeypatch):
    monkeypatch.setattr(curves, "MOST_EPOCHS", 10)
    assert checker.limited("metrics", line() * 10) == "" == checker.said
    assert checker.limited("metrics", line() * 11) == "" and "more than 10 epochs" in checker.said
