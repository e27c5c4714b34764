# SPDX-License-Identifier: Apache-2.0
# warifu-test: timeout=240
"""Field compression by RFC 7541: each representation reaches the backend as the same field, each error ends the connection."""
import json

from lib import tap
from lib.conformance import HOST, all_live, dies, get, run, stage
from lib.frames import (COMPRESSION_ERROR, CONTINUATION, END_HEADERS, TABLE_SIZE, block, frame, indexed, integer, literal, request,
                        settings, string, table_size)
from lib.http2 import Reset
from lib.world import World

world = World("h2hpack")
REQUEST = block(request(authority=HOST))
USER_AGENT = 58  # of the static table
NO_HUFFMAN_END = b"\x87\xff\xff\xff\xff\xff\xff\xff"  # 56 bits of ones: EOS has 30


def huffman(n, data):
    """A string that says it is Huffman-coded, with these bytes."""
    return integer(n, 7, 0x80) + data


BROKEN = [
    ("2.3.3", "an index beyond the tables", REQUEST + indexed(70)),
    ("2.3.3", "a name's index beyond the tables", REQUEST + literal(70, "x", "indexed")),
    ("2.3.3", "an entry that was driven out", table_size(0) + REQUEST + literal("x-a", "1", "indexed") + indexed(62)),
    ("4.2", "a change of the table's size behind fields", REQUEST + table_size(1)),
    ("5.1", "an integer without an end", REQUEST + b"\x7f" + b"\xff" * 12),
    ("5.1", "an integer above 2^32", REQUEST + b"\x7f\x80\x80\x80\x80\x80\x80\x80\x01" + string("x")),
    ("5.1", "a block that ends inside an integer", REQUEST + b"\x7f\x80"),
    ("5.2", "a string longer than its block", REQUEST + b"\x40\x03x-a\x7f\xff\x00"),
    ("5.2", "a block that ends before the value", REQUEST + b"\x40\x03x-a"),
    ("5.2", "Huffman padding of more than seven bits", REQUEST + b"\x40\x03x-a" + huffman(2, b"\x1f\xff")),
    ("5.2", "Huffman padding of noughts", REQUEST + b"\x40\x03x-a" + huffman(1, b"\x18")),
    ("5.2", "Huffman's EOS", REQUEST + b"\x40\x03x-a" + huffman(4, b"\xff\xff\xff\xff")),
    ("5.2", "Huffman's EOS in a name", REQUEST + b"\x40" + NO_HUFFMAN_END + string("x")),
    ("6.1", "index 0", REQUEST + indexed(0)),
    ("6.3", "a table above what was announced", table_size(4097) + REQUEST),
    ("6.3", "a table far above what was announced", table_size(1 << 30) + REQUEST),
]


def arrives(link, stream, wanted):
    """The field came to the backend with this value, once."""
    answer = link.finish(stream)
    tap.equal(answer.status, 200)
    found = [v for n, v in json.loads(answer.body)["fields"] if n.lower() == wanted[0]]
    tap.equal(found, [wanted[1]], wanted[0])


def ways():
    """(name, representation, the field) of every literal form."""
    for how in ("indexed", "plain", "never"):
        for coded in (False, True):
            word = f"{'with' if how == 'indexed' else 'without' if how == 'plain' else 'never'} indexing{', Huffman' if coded else ''}"
            yield f"{word}, indexed name", literal(USER_AGENT, "warifu/2", how, coded), ("user-agent", "warifu/2")
            yield f"{word}, new name", literal("x-new-name", "some value", how, coded), ("x-new-name", "some value")


def one_form(data, wanted):
    with front.http2(HOST) as link:
        arrives(link, link.start(None, block=REQUEST + data), wanted)


def forms_arrive():
    for name, data, wanted in ways():
        tap.run(f"6.2 {name}", one_form, data, wanted)


def an_indexed_field_of_the_static_table():
    """2 GET, 7 https, 4 the path /, and the host from the name's index."""
    with front.http2(HOST) as link:
        s = link.start(None, block=indexed(2) + indexed(7) + indexed(4) + literal(1, HOST))
        told = json.loads(link.finish(s).body)
        tap.equal((told["method"], told["target"]), ("GET", "/"))


def an_indexed_field_of_the_dynamic_table():
    with front.http2(HOST) as link:
        arrives(link, link.start(None, block=REQUEST + literal("x-kept", "once said", "indexed")), ("x-kept", "once said"))
        arrives(link, link.start(None, block=REQUEST + indexed(62)), ("x-kept", "once said"))
        arrives(link, link.start(None, block=REQUEST + literal(62, "other", "plain")), ("x-kept", "other"))


def entries_are_driven_out_in_order():
    """4.4: a table of 4096 holds 4 entries of 1000 bytes, so the first of six is gone and the last are there."""
    with front.http2(HOST) as link:
        for i in range(6):
            arrives(link, link.start(None, block=REQUEST + literal("x-turn", f"{i}" * 960, "indexed")), ("x-turn", f"{i}" * 960))
        for i in range(4):
            arrives(link, link.start(None, block=REQUEST + indexed(62 + i)), ("x-turn", f"{5 - i}" * 960))
        link.start(None, block=REQUEST + indexed(66))
        dies(COMPRESSION_ERROR)(link)


def a_field_larger_than_the_table_empties_it():
    with front.http2(HOST) as link:
        link.finish(link.start(None, block=REQUEST + literal("x-small", "1", "indexed")))
        link.finish(link.start(None, block=REQUEST + literal("x-large", "a" * 4100, "indexed")))
        link.start(None, block=REQUEST + indexed(62))
        dies(COMPRESSION_ERROR)(link)


def the_tables_size_may_change_in_front():
    """4.2: once; twice, to nought and up again; and what was kept is gone then."""
    with front.http2(HOST) as link:
        arrives(link, link.start(None, block=table_size(128) + REQUEST + literal("x-a", "1", "indexed")), ("x-a", "1"))
        arrives(link, link.start(None, block=table_size(0) + table_size(4096) + REQUEST + literal("x-b", "2", "indexed")), ("x-b", "2"))
        arrives(link, link.start(None, block=REQUEST + indexed(62)), ("x-b", "2"))
        link.start(None, block=REQUEST + indexed(63))
        dies(COMPRESSION_ERROR)(link)


def a_refused_request_leaves_the_tables_whole():
    """A stream error must not lose what its block put into the table (RFC 9113 4.3)."""
    with front.http2(HOST) as link:
        s = link.start(None, block=REQUEST + literal("X-UPPER", "1") + literal("x-kept", "still here", "indexed"))
        refused(link, s)
        arrives(link, link.start(None, block=REQUEST + indexed(62)), ("x-kept", "still here"))


def refused(link, stream):
    try:
        tap.check(link.finish(stream).status >= 400, "served")
    except Reset:
        pass


def our_encoder_obeys_a_smaller_table():
    """4.2: a client that allows no table at all gets none; and one that allows less sees the change first."""
    for size in (0, 64):
        with front.http2(HOST, settings={TABLE_SIZE: size}) as link:
            for _ in range(3):
                tap.equal(link.ask("GET", "/", HOST).status, 200)
    with front.http2(HOST) as link:
        tap.equal(link.ask("GET", "/", HOST).status, 200)
        link.decoder.max_allowed_table_size = 0
        link.acked = False
        link.send(settings({TABLE_SIZE: 0}))
        while not link.acked:
            link.step()
        tap.equal(link.ask("GET", "/", HOST).status, 200)


def one_block_cut_anywhere_is_the_same():
    """RFC 9113 4.3: cut into frames between any two bytes."""
    whole = REQUEST + literal("x-cut", "0123456789", "plain", True)
    with front.http2(HOST) as link:
        for cut in range(1, len(whole), 3):
            s = link.start(None, block=whole[:cut], whole=False)
            link.send(frame(CONTINUATION, END_HEADERS, s.id, whole[cut:]))
            arrives(link, s, ("x-cut", "0123456789"))


ALONE = (an_indexed_field_of_the_static_table, an_indexed_field_of_the_dynamic_table, entries_are_driven_out_in_order,
         a_field_larger_than_the_table_empties_it, the_tables_size_may_change_in_front, a_refused_request_leaves_the_tables_whole,
         our_encoder_obeys_a_smaller_table, one_block_cut_anywhere_is_the_same)

try:
    front, backend = stage(world)
    run(front, [(section, name, get(data=data), dies(COMPRESSION_ERROR)) for section, name, data in BROKEN])
    forms_arrive()
    for alone in ALONE:
        tap.run(alone.__name__, alone)
    tap.run("all live", all_live, front, backend)
finally:
    world.stop()
tap.finish()
