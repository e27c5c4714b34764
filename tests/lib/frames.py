# SPDX-License-Identifier: Apache-2.0
"""HTTP/2 frames and HPACK as bytes (RFC 9113 4 and 6, RFC 7541 5 and 6): whatever is asked for, valid or not.

    frame(HEADERS, END_HEADERS | END_STREAM, 1, block(request("GET", "/", "wallet.test")))
"""
import struct
from collections import namedtuple

from hpack.huffman import HuffmanEncoder
from hpack.huffman_constants import REQUEST_CODES, REQUEST_CODES_LENGTH

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS, PADDED, HAS_PRIORITY = 1, 1, 4, 8, 32
TABLE_SIZE, ENABLE_PUSH, MAX_STREAMS, INITIAL_WINDOW, MAX_FRAME, MAX_LIST, CONNECT_PROTOCOL = 1, 2, 3, 4, 5, 6, 8
(NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, FLOW_CONTROL_ERROR, SETTINGS_TIMEOUT, STREAM_CLOSED, FRAME_SIZE_ERROR, REFUSED_STREAM,
 CANCEL, COMPRESSION_ERROR, CONNECT_ERROR, ENHANCE_YOUR_CALM, INADEQUATE_SECURITY, HTTP_1_1_REQUIRED) = range(14)
CODES = ("NO_ERROR PROTOCOL_ERROR INTERNAL_ERROR FLOW_CONTROL_ERROR SETTINGS_TIMEOUT STREAM_CLOSED FRAME_SIZE_ERROR REFUSED_STREAM "
         "CANCEL COMPRESSION_ERROR CONNECT_ERROR ENHANCE_YOUR_CALM INADEQUATE_SECURITY HTTP_1_1_REQUIRED").split()
KINDS = "DATA HEADERS PRIORITY RST_STREAM SETTINGS PUSH_PROMISE PING GOAWAY WINDOW_UPDATE CONTINUATION".split()

Frame = namedtuple("Frame", "kind flags stream payload")
_huffman = HuffmanEncoder(REQUEST_CODES, REQUEST_CODES_LENGTH)


def name_of(code):
    return CODES[code] if code < len(CODES) else hex(code)


def frame(kind, flags=0, stream=0, payload=b"", length=None):
    """One frame. `stream` may have its reserved bit set; `length` may lie."""
    size = len(payload) if length is None else length
    return struct.pack("!I", size)[1:] + struct.pack("!BBI", kind, flags, stream) + payload


def settings(pairs=(), flags=0, stream=0):
    pairs = pairs.items() if isinstance(pairs, dict) else pairs
    return frame(SETTINGS, flags, stream, b"".join(struct.pack("!HI", k, v) for k, v in pairs))


def rst(stream, code=CANCEL):
    return frame(RST_STREAM, 0, stream, struct.pack("!I", code))


def window_update(stream, n):
    return frame(WINDOW_UPDATE, 0, stream, struct.pack("!I", n))


def priority(stream, on=0, weight=16, exclusive=False):
    """A PRIORITY frame's payload is also what HEADERS has in front with HAS_PRIORITY."""
    return frame(PRIORITY, 0, stream, priority_fields(on, weight, exclusive))


def priority_fields(on=0, weight=16, exclusive=False):
    return struct.pack("!IB", on | (0x80000000 if exclusive else 0), weight - 1)


def goaway(last=0, code=NO_ERROR, stream=0, debug=b""):
    return frame(GOAWAY, 0, stream, struct.pack("!II", last, code) + debug)


def padded(data, n, claimed=None):
    """Data with a pad length in front and n zeros behind; `claimed` may lie."""
    return bytes([n if claimed is None else claimed]) + data + bytes(n)


# --- HPACK --------------------------------------------------------------------------------

def integer(n, bits, first=0):
    """RFC 7541 5.1, below the given high bits of the first byte."""
    most = (1 << bits) - 1
    if n < most:
        return bytes([first | n])
    out, n = [first | most], n - most
    while n >= 128:
        out.append(n % 128 | 128)
        n //= 128
    return bytes(out + [n])


def string(data, huffman=False):
    data = data.encode("latin-1") if isinstance(data, str) else data
    if huffman:
        data = _huffman.encode(data)
    return integer(len(data), 7, 0x80 if huffman else 0) + data


def indexed(n):
    return integer(n, 7, 0x80)


HOW = {"indexed": (6, 0x40), "plain": (4, 0), "never": (4, 0x10)}  # literal with, without, never indexed


def literal(name, value, how="plain", huffman=False):
    """`name` is text, bytes, or the number of a table entry."""
    bits, first = HOW[how]
    if isinstance(name, int):
        return integer(name, bits, first) + string(value, huffman)
    return bytes([first]) + string(name, huffman) + string(value, huffman)


def table_size(n):
    return integer(n, 5, 0x20)


def block(fields, how="plain", huffman=False):
    """A field block of (name, value) pairs, exactly as they are, in this order."""
    return b"".join(literal(n, v, how, huffman) for n, v in fields)


def request(method="GET", path="/", authority="wallet.test", fields=(), scheme="https"):
    """The pseudo-fields of a request in their usual order, then `fields` with names as they are."""
    return [(":method", method), (":scheme", scheme), (":authority", authority), (":path", path)] + list(fields)
