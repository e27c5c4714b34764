# SPDX-License-Identifier: Apache-2.0
# warifu-test: timeout=240
"""HTTP/2 streams by RFC 9113: their states (5.1), numbers, how many at once, and windows (5.2, 6.5.3, 6.9)."""
from lib import tap
from lib.conformance import HOST, LAST, Watch, all_live, data, dies, get, lives, more, post, resets, run, serves, serves_still, stage
from lib.frames import (CANCEL, CONTINUATION, DATA, END_HEADERS, END_STREAM, FLOW_CONTROL_ERROR, FRAME_SIZE_ERROR, HAS_PRIORITY,
                        INITIAL_WINDOW, MAX_STREAMS, PROTOCOL_ERROR, REFUSED_STREAM, STREAM_CLOSED, WINDOW_UPDATE, block, frame, priority,
                        priority_fields, request, rst, settings, window_update)
from lib.world import World

world = World("h2streams")
REQUEST = block(request(authority=HOST))
MOST = (1 << 31) - 1


def after_answer(then):
    """The bytes go out when the answer to stream 1 has come whole: the stream is closed."""
    def what(link):
        link.send(get(1))
        w = Watch(link)
        tap.check(w.until(lambda: 1 in w.done), w)
        return then
    return what


def either(outcome, *others):
    """The first outcome that holds; else the failure of the first."""
    def any_of(link):
        try:
            outcome(link)
        except tap.Failure:
            for other in others:
                other(link)
    return any_of


STATES = [
    ("5.1", "idle: DATA", data(1), dies(PROTOCOL_ERROR, STREAM_CLOSED)),
    ("5.1", "idle: RST_STREAM", rst(1), dies(PROTOCOL_ERROR)),
    ("5.1", "idle: WINDOW_UPDATE", window_update(1, 100), dies(PROTOCOL_ERROR)),
    ("5.1", "idle: CONTINUATION", frame(CONTINUATION, END_HEADERS, 1, REQUEST), dies(PROTOCOL_ERROR)),
    ("5.1", "idle: PRIORITY is no opening", priority(1, 0, 255) + get(1), serves(1)),
    ("5.1", "half-closed: DATA", get() + data(), resets(1, STREAM_CLOSED)),
    ("5.1", "half-closed: HEADERS", get() + get(), resets(1, STREAM_CLOSED)),
    ("5.1", "half-closed: CONTINUATION", get() + more(), dies(STREAM_CLOSED, PROTOCOL_ERROR)),
    ("5.1", "half-closed: WINDOW_UPDATE is allowed", get() + window_update(1, 1), serves(1)),
    ("5.1", "half-closed: PRIORITY is allowed", get() + priority(1), serves(1)),
    ("5.1", "half-closed: RST_STREAM is allowed", get() + rst(1), lives),
    ("5.1", "reset by the client: DATA", post() + rst(1, CANCEL) + data(), resets(1, STREAM_CLOSED)),
    ("5.1", "reset by the client: HEADERS", post() + rst(1, CANCEL) + get(), resets(1, STREAM_CLOSED)),
    ("5.1", "reset by the client: CONTINUATION", post() + rst(1, CANCEL) + more(), dies(STREAM_CLOSED, PROTOCOL_ERROR)),
    ("5.1", "closed: DATA", after_answer(data()), resets(1, STREAM_CLOSED)),
    ("5.1", "closed: HEADERS", after_answer(get()), dies(STREAM_CLOSED)),
    ("5.1", "closed: CONTINUATION", after_answer(more()), dies(STREAM_CLOSED, PROTOCOL_ERROR)),
    ("5.1", "closed: PRIORITY is allowed", after_answer(priority(1)), lives),
    ("5.1", "closed: WINDOW_UPDATE is ignored", after_answer(window_update(1, 1)), lives),
    ("5.1", "closed: RST_STREAM is ignored", after_answer(rst(1)), lives),
    ("5.1.1", "an even number", get(2), dies(PROTOCOL_ERROR)),
    ("5.1.1", "numbers may be left out", get(1) + get(99), serves(99)),
    ("5.3", "HEADERS that depend on themselves", get(data=priority_fields(1, 255) + REQUEST, flags=END_STREAM | END_HEADERS | HAS_PRIORITY),
     either(resets(1, PROTOCOL_ERROR), serves(1))),
    ("5.3", "PRIORITY that depends on itself", post(3) + priority(3, 3, 255), resets(3, PROTOCOL_ERROR)),
]

WINDOWS = [
    ("6.9", "an increment of nought for the connection", window_update(0, 0), dies(PROTOCOL_ERROR)),
    ("6.9", "an increment of nought for a stream", post() + window_update(1, 0), resets(1, PROTOCOL_ERROR)),
    ("6.9", "an increment of three bytes", frame(WINDOW_UPDATE, 0, 0, bytes(3)), dies(FRAME_SIZE_ERROR)),
    ("6.9.1", "the connection's window above 2^31-1", window_update(0, MOST) * 2, dies(FLOW_CONTROL_ERROR)),
    ("6.9.1", "a stream's window above 2^31-1", post() + window_update(1, MOST) * 2, resets(1, FLOW_CONTROL_ERROR)),
    ("6.9.2", "an initial window above 2^31-1", settings({INITIAL_WINDOW: 1 << 31}), dies(FLOW_CONTROL_ERROR)),
    ("6.9.2", "SETTINGS that lift an open stream's window above 2^31-1", lambda link: lifted(link), resets(1, FLOW_CONTROL_ERROR)),
]


def lifted(link):
    """A stream whose window was widened, and then the initial one goes to the most. RFC 9113 wants the connection to
    end; nghttp2 ends the streams that are over, which no client can use for anything."""
    link.send(post() + window_update(1, 65535))
    return settings({INITIAL_WINDOW: MOST})


@tap.case
def a_smaller_number_than_the_last_ends_the_connection():
    """5.1.1. The stream that was left out is closed, so STREAM_CLOSED says the same."""
    with front.http2(HOST, timeout=8) as link:
        link.settle()
        link.send(get(5) + get(3))
        dies(PROTOCOL_ERROR, STREAM_CLOSED)(link)


def shut(front, most_too_many):
    """A connection with as many streams as it may have and so many more, none of which can end: windows are shut."""
    link = front.http2(HOST, timeout=8).settle()
    most = link.theirs.get(MAX_STREAMS)
    tap.check(most is not None and 0 < most <= 1000, f"MAX_CONCURRENT_STREAMS {most}")
    link.send(settings({INITIAL_WINDOW: 0}) + b"".join(get(1 + 2 * i) for i in range(most + most_too_many)))
    return link, most, Watch(link)


@tap.case
def as_many_streams_as_announced_are_served_at_once():
    """5.1.2, with windows shut so that none can end meanwhile."""
    link, most, w = shut(front, 0)
    with link:
        tap.check(w.until(lambda: len(w.heads) == most, 20), f"{len(w.heads)} of {most} have heads: {w.goaway}, {w.resets}")
        link.send(settings({INITIAL_WINDOW: 65535}))
        tap.check(w.until(lambda: len(w.done) == most, 20), f"{len(w.done)} of {most} were answered: {w.goaway}")
        serves_still(link)


@tap.case
def more_streams_than_announced_are_refused():
    """5.1.2: that stream, or by 5.4 the connection."""
    link, most, w = shut(front, 1)
    with link:
        beyond = 1 + 2 * most
        w.until(lambda: w.ended or beyond in w.resets, 20)
        tap.check(w.goaway == PROTOCOL_ERROR if w.ended else w.resets[beyond] in (REFUSED_STREAM, PROTOCOL_ERROR), w)


@tap.case
def of_several_values_of_a_setting_the_last_counts():
    """6.5.3."""
    with front.http2(HOST, timeout=8) as link:
        link.settle()
        link.send(settings([(INITIAL_WINDOW, 100), (INITIAL_WINDOW, 1)]) + get())
        w = Watch(link)
        tap.check(w.until(lambda: w.got.get(1)), w)
        tap.check(not w.until(lambda: w.got[1] > 1, 0.5), f"{w.got[1]} bytes into a window of one")
        link.send(window_update(1, 10000))
        tap.check(w.until(lambda: 1 in w.done), w)


@tap.case
def a_stream_gets_no_byte_more_than_its_window():
    """6.9.1, 6.9.2: of one byte; then widened by SETTINGS, then byte by byte."""
    with front.http2(HOST, timeout=8) as link:
        link.settle()
        link.send(settings({INITIAL_WINDOW: 1}) + get())
        w = Watch(link)
        tap.check(w.until(lambda: w.got.get(1)), w)
        tap.check(not w.until(lambda: w.got[1] != 1, 0.3), w.got)
        link.send(settings({INITIAL_WINDOW: 4}))
        tap.check(w.until(lambda: w.got[1] == 4), w.got)
        for n in range(5, 9):
            link.send(window_update(1, 1))
            tap.check(w.until(lambda: w.got[1] == n), w.got)
        tap.check(not w.until(lambda: w.got[1] != 8, 0.3), w.got)
        link.send(window_update(1, MOST - 10))
        tap.check(w.until(lambda: 1 in w.done), w)


@tap.case
def a_window_below_nought_waits_until_it_is_above():
    """6.9.2: three bytes are taken, SETTINGS says 2, so it stands at -1."""
    with front.http2(HOST, timeout=8) as link:
        link.settle()
        link.send(settings({INITIAL_WINDOW: 3}) + get())
        w = Watch(link)
        tap.check(w.until(lambda: w.got.get(1) == 3), w.got)
        link.send(settings({INITIAL_WINDOW: 2}) + window_update(1, 1))
        tap.check(not w.until(lambda: w.got[1] != 3, 0.3), w.got)
        link.send(window_update(1, 1))
        tap.check(w.until(lambda: w.got[1] == 4), w.got)


@tap.case
def the_connections_window_is_kept_over_all_streams():
    """6.9.1: 65,535 bytes in all, whatever the streams' own windows."""
    with front.http2(HOST, timeout=8) as link:
        link.settle()
        link.send(settings({INITIAL_WINDOW: MOST}))
        w = Watch(link)
        for stream in (1, 3, 5, 7):
            link.send(post(stream))
            for flags in (0, END_STREAM):
                link.send(frame(DATA, flags, stream, b"m" * 14000))
        tap.check(w.until(lambda: sum(w.got.values()) == 65535), w.got)
        tap.check(not w.until(lambda: sum(w.got.values()) > 65535, 0.4), w.got)
        link.send(window_update(0, 1 << 20))
        tap.check(w.until(lambda: len(w.done) == 4), w)
        serves_still(link)


@tap.case
def data_beyond_our_window_is_a_flow_control_error():
    """6.9.1 towards the server: more than it granted on a stream that the backend does not read."""
    with front.http2(HOST, timeout=8) as link:
        link.settle()
        stream = link.open("POST", "/stall", HOST, end=False)
        while stream.window > 0 and link.window > 0:
            link.body(stream, b"x" * min(16384, stream.window, link.window), end=False)
            link.ping()  # what it grants has come
            tap.check(link.window < 64 << 20, "windows without an end")
        link.send(*[frame(DATA, 0, 1, b"x" * 16384)] * 2)
        w = Watch(link)
        w.until(lambda: w.ended or w.resets)
        tap.check(FLOW_CONTROL_ERROR in (w.goaway, w.resets.get(1)), w)


@tap.case
def a_reset_stream_gives_its_place_back():
    """Twice as many as may be open at once, each reset before the next: none is refused for their number."""
    with front.http2(HOST, timeout=8) as link:
        link.settle()
        most = min(link.theirs.get(MAX_STREAMS, 100), 100)
        number = 1
        for _ in range(2):
            for _ in range(most // 2):
                link.send(get(number) + rst(number))
                number += 2
            link.ping()
        serves_still(link)
        tap.check(number < LAST, "numbers ran past the last")


def setup():
    global front, backend
    front, backend = stage(world)
    run(front, STATES + WINDOWS)


@tap.case
def all_of_it_lives():
    all_live(front, backend)


tap.main(setup, world.stop)
