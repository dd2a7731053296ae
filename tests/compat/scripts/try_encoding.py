"""What is encoded comes back, through files as well."""

import io
import zlib

import numpy as np

from jug.backends import encode

for value in (None, 0, "text", [1, (2, {"three": b"3"})], {1, 2}, np.arange(6).reshape(2, 3)):
    packed = encode.encode(value)
    again = encode.decode(packed)
    print(type(packed).__name__, type(again).__name__, np.all(again == value))
    stream = io.BytesIO()
    encode.encode_to(value, stream)
    stream.seek(0)
    print(np.all(encode.decode_from(stream) == value))
print(encode.encode(None), encode.decode(b""))

out = io.BytesIO()
pipe = encode.compress_stream(out)
pipe.write(b"one\n" * 1000)
pipe.write(b"two\n")
pipe.flush()
print(len(out.getvalue()) < 1000, zlib.decompress(out.getvalue()) == b"one\n" * 1000 + b"two\n")
back = encode.decompress_stream(io.BytesIO(out.getvalue()))
print(back.readline(), back.read(6), back.read(4))
back.seek(5, 1)
print(back.readline())
