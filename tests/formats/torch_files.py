"""Files like those of torch.save, put together byte by byte, so that any part of them can be wrong."""

import io
import struct
import zipfile

ORDERED = b"ccollections\nOrderedDict\n)R"


def text(value):
    return b"X" + struct.pack("<I", len(value.encode())) + value.encode()


def integer(n):
    raw = n.to_bytes(n.bit_length() // 8 + 1, "little", signed=True)
    return b"\x8a" + bytes([len(raw)]) + raw


def integers(values):
    return b"(" + b"".join(map(integer, values)) + b"t"


def storage(size, key="0", kind="torch\nFloatStorage", more=b""):
    """The opcodes of a storage: ("storage", type, key, device, size)."""
    return b"(" + text("storage") + b"c" + kind.encode() + b"\n" + text(key) + text("cpu") + integer(size) + more + b"tQ"


def tensor(shape, strides, offset=0, size=6, function="_rebuild_tensor_v2", of=None, more=b""):
    """The opcodes of a tensor in a storage of `size` float32."""
    arguments = (of or storage(size)) + integer(offset) + integers(shape) + integers(strides) + b"\x89" + ORDERED + more
    return b"ctorch._utils\n" + function.encode() + b"\n(" + arguments + b"tR"


def dictionary(**values):
    """The opcodes of an ordered dictionary of opcodes."""
    return ORDERED + b"(" + b"".join(text(name) + value for name, value in values.items()) + b"u"


def archive(value, storages=((b"\0" * 24),), method=zipfile.ZIP_STORED, folder="a", **members):
    """The zip archive in which `value` (opcodes) was saved."""
    file = io.BytesIO()
    names = {"data.pkl": b"\x80\x02" + value + b"."} | members | {f"data/{key}": data for key, data in enumerate(storages)}
    with zipfile.ZipFile(file, "w") as zipped:
        for name, data in names.items():
            zipped.writestr(zipfile.ZipInfo(f"{folder}/{name}"), data, method)
    return file.getvalue()


def legacy(value, storages=((b"\0" * 24),), keys=None, version=1001):
    """The file in the format before PyTorch 1.6."""
    names = [str(key) for key in range(len(storages))] if keys is None else keys
    parts = [integer(0x1950A86A20F9469CFC6C), integer(version), b"}", value, b"](" + b"".join(map(text, names)) + b"e"]
    file = b"".join(b"\x80\x02" + part + b"." for part in parts)
    return file + b"".join(struct.pack("<q", len(data) // 4) + data for data in storages)
