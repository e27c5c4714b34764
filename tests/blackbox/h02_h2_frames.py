# SPDX-License-Identifier: Apache-2.0
# warifu-test: timeout=240
"""HTTP/2 frames, each by its section of RFC 9113: connection preface, format, size, and every kind of frame.

Flow control is in h03_h2_streams, what a request may be in h04_h2_requests, field compression in h05_h2_hpack.
"""
from lib import tap
from lib.conformance import (HOST, Watch, all_live, data, dies, ends_quietly, get, lives, more, ping, post, resets, run, serves,
                             stage)
from lib.frames import (ACK, COMPRESSION_ERROR, ENABLE_PUSH, END_HEADERS, END_STREAM, FLOW_CONTROL_ERROR,
                        FRAME_SIZE_ERROR, GOAWAY, HAS_PRIORITY, HEADERS, INITIAL_WINDOW, MAX_FRAME, PADDED, PING, PREFACE,
                        PRIORITY, PROTOCOL_ERROR, PUSH_PROMISE, RST_STREAM, SETTINGS, STREAM_CLOSED, block,
                        frame, goaway, padded, priority, priority_fields, request, rst, settings, window_update)
from lib.world import World

world = World("h2frames")
OPEN = END_STREAM  # HEADERS that is not the end of its fields
TEST = b"test"
REQUEST = block(request(authority=HOST))
LARGE = block(request(authority=HOST, fields=[(f"x-large-{i}", "a" * 1000) for i in range(20)]))


def pongs(content, wanted=None):
    def outcome(link):
        w = Watch(link)
        tap.check(w.until(lambda: (wanted or content) in w.pongs), w)
        tap.equal(w.goaway, None)
    return outcome


def acknowledged(link):
    w = Watch(link)
    tap.check(w.until(lambda: w.acks), w)


def starts_with_settings(link):
    """The server's first frame is SETTINGS: the client saw one, and every value is in its range."""
    tap.check(link.theirs.get(MAX_FRAME, 16384) in range(16384, 1 << 24), link.theirs)
    tap.check(link.theirs.get(INITIAL_WINDOW, 65535) < 1 << 31 and link.theirs.get(ENABLE_PUSH, 0) == 0, link.theirs)
    lives(link)


PREFACES = [("3.4", "the server's preface is SETTINGS", b"", starts_with_settings)]

FORMAT = [
    ("4.1", "a frame of unknown kind is ignored", frame(0x16, 0, 0, bytes(8)) + ping(b"a-frame!"), pongs(b"a-frame!")),
    ("4.1", "undefined flags are ignored", frame(PING, 0x16, 0, b"a-flags!"), pongs(b"a-flags!")),
    ("4.1", "the reserved bit is ignored", frame(PING, 0, 0x80000000, b"reserved"), pongs(b"reserved")),
    ("4.2", "DATA of 16384 bytes is taken", post() + data(1, b"x" * 16384), serves()),
    ("4.2", "DATA above the maximum", post() + data(1, b"x" * 16385), resets(1, FRAME_SIZE_ERROR)),
    ("4.2", "HEADERS above the maximum", frame(HEADERS, END_HEADERS | END_STREAM, 1, LARGE), dies(FRAME_SIZE_ERROR)),
    ("4.3", "fields that cannot be decompressed", get(data=b"\x40\x01a"), dies(COMPRESSION_ERROR)),
    ("4.3", "PRIORITY inside a field block", get(flags=OPEN) + priority(1, 0, 255) + more(), dies(PROTOCOL_ERROR)),
    ("4.3", "HEADERS of another stream inside a field block", get(1, flags=OPEN) + get(3) + more(), dies(PROTOCOL_ERROR)),
    ("5.4.1", "a connection error closes the connection", frame(PING, 0, 0, b"\0\0\0\0\0\0"), dies(FRAME_SIZE_ERROR)),
    ("5.5", "an unknown extension is ignored between frames", get() + frame(0xFB, 0xFF, 0, b"x" * 100), serves()),
    ("5.5", "an unknown extension on a stream is ignored", post() + frame(0xFB, 0, 1, b"x") + data(), serves()),
    ("5.5", "an unknown extension inside a field block", get(flags=OPEN) + frame(0xFB, 0, 0, b"x" * 8) + more(), dies(PROTOCOL_ERROR)),
]

KINDS = [
    ("6.1", "DATA", post() + data(), serves()),
    ("6.1", "several DATA frames", post() + data(1, TEST, 0) + data(1, TEST, 0) + data(), serves()),
    ("6.1", "DATA with padding", post() + data(1, padded(TEST, 8), END_STREAM | PADDED), serves()),
    ("6.1", "empty DATA that ends the stream", post() + data(1, b""), serves()),
    ("6.1", "DATA that is all padding", post() + data(1, padded(b"", 255), END_STREAM | PADDED), serves()),
    ("6.1", "DATA on stream 0", data(0), dies(PROTOCOL_ERROR)),
    ("6.1", "DATA on a stream that the client ended", get() + data(), resets(1, STREAM_CLOSED)),
    ("6.1", "DATA with more padding than frame", post() + data(1, padded(TEST, 0, 6), END_STREAM | PADDED), dies(PROTOCOL_ERROR)),
    ("6.1", "DATA with the pad length missing", post() + data(1, b"", END_STREAM | PADDED), dies(PROTOCOL_ERROR, FRAME_SIZE_ERROR)),
    ("6.2", "HEADERS", get(), serves()),
    ("6.2", "HEADERS with padding", get(data=padded(REQUEST, 8), flags=END_STREAM | END_HEADERS | PADDED), serves()),
    ("6.2", "HEADERS with priority", get(data=priority_fields(0, 255) + REQUEST, flags=END_STREAM | END_HEADERS | HAS_PRIORITY), serves()),
    ("6.2", "HEADERS with padding and priority", get(data=padded(priority_fields() + REQUEST, 3), flags=END_STREAM | END_HEADERS | HAS_PRIORITY | PADDED), serves()),
    ("6.2", "PRIORITY where CONTINUATION must be", get(flags=OPEN) + priority(1) + more(), dies(PROTOCOL_ERROR)),
    ("6.2", "HEADERS of another stream where CONTINUATION must be", get(1, flags=OPEN) + get(3), dies(PROTOCOL_ERROR)),
    ("6.2", "HEADERS on stream 0", get(0), dies(PROTOCOL_ERROR)),
    ("6.2", "HEADERS with more padding than frame", get(data=padded(REQUEST, 0, len(REQUEST) + 1), flags=END_STREAM | END_HEADERS | PADDED), resets(1, PROTOCOL_ERROR)),
    ("6.3", "PRIORITY with the least weight", priority(1, 0, 1) + get(), serves()),
    ("6.3", "PRIORITY with the greatest weight", priority(1, 0, 256) + get(), serves()),
    ("6.3", "PRIORITY that depends on another stream", priority(1) + priority(3, 1) + get(3), serves(3)),
    ("6.3", "PRIORITY, exclusive", priority(1, 0, 256, True) + get(), serves()),
    ("6.3", "PRIORITY of a later stream", priority(3) + get(1), serves(1)),
    ("6.3", "PRIORITY on stream 0", priority(0), dies(PROTOCOL_ERROR)),
    ("6.3", "PRIORITY of four bytes", post() + frame(PRIORITY, 0, 1, bytes(4)), resets(1, FRAME_SIZE_ERROR)),
    ("6.4", "RST_STREAM", post() + rst(1), lives),
    ("6.4", "RST_STREAM on stream 0", rst(0), dies(PROTOCOL_ERROR)),
    ("6.4", "RST_STREAM on an idle stream", rst(1), dies(PROTOCOL_ERROR)),
    ("6.4", "RST_STREAM of three bytes", post() + frame(RST_STREAM, 0, 1, bytes(3)), dies(FRAME_SIZE_ERROR)),
    ("6.5", "SETTINGS is acknowledged", settings({INITIAL_WINDOW: 100}), acknowledged),
    ("6.5", "an empty SETTINGS is acknowledged", settings(), acknowledged),
    ("6.5", "an acknowledgement with content", frame(SETTINGS, ACK, 0, bytes(6)), dies(FRAME_SIZE_ERROR)),
    ("6.5", "SETTINGS on a stream", settings({INITIAL_WINDOW: 100}, 0, 1), dies(PROTOCOL_ERROR)),
    ("6.5", "SETTINGS of three bytes", frame(SETTINGS, 0, 0, bytes(3)), dies(FRAME_SIZE_ERROR)),
    ("6.5.2", "ENABLE_PUSH of 2", settings({ENABLE_PUSH: 2}), dies(PROTOCOL_ERROR)),
    ("6.5.2", "INITIAL_WINDOW_SIZE above 2^31-1", settings({INITIAL_WINDOW: 1 << 31}), dies(FLOW_CONTROL_ERROR)),
    ("6.5.2", "MAX_FRAME_SIZE below 2^14", settings({MAX_FRAME: 16383}), dies(PROTOCOL_ERROR)),
    ("6.5.2", "MAX_FRAME_SIZE above 2^24-1", settings({MAX_FRAME: 1 << 24}), dies(PROTOCOL_ERROR)),
    ("6.5.2", "an unknown setting is ignored", settings({0xFF: 1}) + ping(b"unknown!"), pongs(b"unknown!")),
    ("6.6", "PUSH_PROMISE of a client", get() + frame(PUSH_PROMISE, END_HEADERS, 1, b"\0\0\0\x03" + REQUEST), dies(PROTOCOL_ERROR)),
    ("6.7", "PING is echoed", ping(b"h2-ping!"), pongs(b"h2-ping!")),
    ("6.7", "an echo is not echoed", frame(PING, ACK, 0, b"no-echo!") + ping(b"do echo!"), pongs(b"do echo!")),
    ("6.7", "PING on a stream", frame(PING, 0, 1, bytes(8)), dies(PROTOCOL_ERROR)),
    ("6.7", "PING of six bytes", frame(PING, 0, 0, bytes(6)), dies(FRAME_SIZE_ERROR)),
    ("6.8", "GOAWAY", goaway(0, 0, 0, b"warifu"), ends_quietly),
    ("6.8", "GOAWAY on a stream", goaway(0, 0, 1), dies(PROTOCOL_ERROR)),
    ("6.8", "GOAWAY that is too short", frame(GOAWAY, 0, 0, bytes(7)), dies(FRAME_SIZE_ERROR)),
    ("6.9", "WINDOW_UPDATE of the connection", window_update(0, 1) + get(), serves()),
    ("6.9", "WINDOW_UPDATE of a stream", post() + window_update(1, 1) + data(), serves()),
    ("6.10", "CONTINUATION", get(flags=OPEN) + more(), serves()),
    ("6.10", "several CONTINUATION frames", get(flags=OPEN) + more(1, [("x-a", "1")], 0) + more(1, [("x-b", "1")], 0) + more(), serves()),
    ("6.10", "DATA where CONTINUATION must be", get(flags=0) + more(1, flags=0) + data(), dies(PROTOCOL_ERROR)),
    ("6.10", "CONTINUATION on stream 0", get(flags=OPEN) + more(0), dies(PROTOCOL_ERROR)),
    ("6.10", "CONTINUATION after END_HEADERS", post() + more(), dies(PROTOCOL_ERROR)),
    ("6.10", "CONTINUATION after the last one", post(flags=0) + more() + more(), dies(PROTOCOL_ERROR)),
    ("6.10", "CONTINUATION after DATA", post() + data(1, TEST, 0) + more(), dies(PROTOCOL_ERROR)),
    ("7", "GOAWAY with an unknown code", goaway(0, 0xFF), ends_quietly),
    ("7", "RST_STREAM with an unknown code", post() + rst(1, 0xFF), lives),
]


def a_wrong_preface_ends_the_connection():
    with front.http2(HOST, greet=False) as link:
        link.send(b"INVALID CONNECTION PREFACE\r\n\r\n" + settings())
        w = Watch(link)
        w.until(lambda: w.ended)
        tap.check(w.ended, "the connection stands")


def a_preface_without_settings_ends_the_connection():
    for first in (ping(), get(), settings((), ACK)):
        with front.http2(HOST, greet=False) as link:
            link.send(PREFACE + first)
            dies(PROTOCOL_ERROR)(link)


def a_preface_in_single_bytes_is_served():
    with front.http2(HOST, greet=False) as link:
        link.conn.send_slowly(PREFACE + settings() + get(), 0.002)
        serves()(link)


try:
    front, backend = stage(world)
    run(front, PREFACES + FORMAT + KINDS)
    for alone in (a_wrong_preface_ends_the_connection, a_preface_without_settings_ends_the_connection, a_preface_in_single_bytes_is_served):
        tap.run("3.4 " + alone.__name__.replace("_", " "), alone)
    tap.run("all live", all_live, front, backend)
finally:
    world.stop()
tap.finish()
