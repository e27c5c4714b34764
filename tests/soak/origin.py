#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The application behind the soak, good and bad, for thousands of connections at once. One process, no state.

    tests/soak/origin.py PORT [PORT …]

    POST /login  /logout      303 with a fresh cookie `sid`, and one that takes it away
    GET  /ws                  a WebSocket that echoes
    GET  /events  /few        an event every half second: for ever, or five of them
    GET  /download  /quarter  3 MiB, 256 KiB
    POST anything             how many bytes the body had
    GET  /bad/…               stall, reset, middle, short, more, garbage; POST /bad/early: see BAD
    GET  anything             1 KiB
"""
import asyncio
import base64
import hashlib
import os
import resource
import socket
import struct
import sys

STALL = 90  # seconds: longer than the gate waits for a head
PAGE, QUARTER, MEGABYTES = b"x" * 1024, b"y" * (256 << 10), b"z" * (3 << 20)
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Wrong(Exception):
    """What arrived is no request that the gate would write."""


def answer(status, body=b"", *fields):
    lines = [b"HTTP/1.1 " + status, b"Content-Length: %d" % len(body), *fields]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def parse(head):
    line, *rest = head[:-4].split(b"\r\n")
    method, target, _ = line.split(b" ")
    fields = {}
    for one in rest:
        name, colon, value = one.partition(b":")
        if not colon:
            raise Wrong(one)
        fields[name.lower()] = value.strip()
    return method, target, fields


async def body_size(reader, fields):
    """Reads the body; how long it was."""
    if b"transfer-encoding" not in fields:
        left = total = int(fields.get(b"content-length", b"0"))
        while left:
            data = await reader.read(min(left, 65536))
            if not data:
                raise EOFError
            left -= len(data)
        return total
    total = 0
    while size := int(await reader.readuntil(b"\r\n"), 16):
        total += size
        await reader.readexactly(size + 2)
    while await reader.readuntil(b"\r\n") != b"\r\n":
        pass
    return total


async def send(writer, data):
    writer.write(data)
    await writer.drain()


async def events(writer, count):
    await send(writer, b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
    number = 0
    while count is None or number < count:
        event = b"data: %d\n\n" % number
        await send(writer, b"%x\r\n%s\r\n" % (len(event), event))
        number += 1
        await asyncio.sleep(0.5)
    await send(writer, b"0\r\n\r\n")


async def echo(reader, writer, fields):
    accept = base64.b64encode(hashlib.sha1(fields[b"sec-websocket-key"] + GUID).digest())
    await send(writer, b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                       b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n")
    while True:
        first, size = await reader.readexactly(2)
        size &= 0x7F
        if size > 125:
            raise Wrong("the soak's messages are short")
        mask = await reader.readexactly(4)
        data = bytes(b ^ mask[i % 4] for i, b in enumerate(await reader.readexactly(size)))
        await send(writer, struct.pack("!BB", first, size) + data)
        if first & 0x0F == 8:
            return


# --- misbehaviour, each ends its connection

def reset(writer):
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def bad_stall(writer):
    await asyncio.sleep(STALL)


async def bad_reset(writer):
    reset(writer)


async def bad_middle(writer):
    await send(writer, b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + PAGE)
    await asyncio.sleep(0.1)
    reset(writer)


async def bad_short(writer):
    await send(writer, b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + PAGE)


async def bad_more(writer):
    """More than it said: the rest must not become anybody's answer."""
    await send(writer, answer(b"200 OK", b"hello") + answer(b"200 OK", b"poison"))
    await asyncio.sleep(1)


async def bad_garbage(writer):
    await send(writer, b"SSH-2.0-OpenSSH_9.2\r\n\r\n")


async def bad_early(writer):
    """The answer before the body: nothing of that is read."""
    await send(writer, answer(b"200 OK", b"early", b"Connection: close"))
    await asyncio.sleep(1)


BAD = {b"/bad/" + f.__name__[4:].encode(): f for f in (bad_stall, bad_reset, bad_middle, bad_short, bad_more, bad_garbage, bad_early)}


async def one(reader, writer):
    """Serves a request; False if the connection is used up."""
    method, target, fields = parse(await reader.readuntil(b"\r\n\r\n"))
    if target in BAD:
        await BAD[target](writer)
        return False
    size = await body_size(reader, fields)
    if target == b"/ws":
        await echo(reader, writer, fields)
        return False
    if target in (b"/events", b"/few"):
        await events(writer, 5 if target == b"/few" else None)
    elif target == b"/login":
        await send(writer, answer(b"303 See Other", b"", b"Location: /", b"Set-Cookie: sid=" + os.urandom(16).hex().encode()))
    elif target == b"/logout":
        await send(writer, answer(b"303 See Other", b"", b"Location: /", b"Set-Cookie: sid=; Max-Age=0"))
    elif method == b"POST":
        await send(writer, answer(b"200 OK", b"%d" % size))
    else:
        await send(writer, answer(b"200 OK", {b"/download": MEGABYTES, b"/quarter": QUARTER}.get(target, PAGE)))
    return True


async def serve(reader, writer):
    try:
        while await one(reader, writer):
            pass
    except (OSError, EOFError):
        pass  # the gate has gone: its client vanished, or it had enough
    finally:
        writer.close()


async def main(ports):
    servers = [await asyncio.start_server(serve, "127.0.0.1", port, backlog=1024, limit=1 << 17) for port in ports]
    print("ready", flush=True)
    await asyncio.gather(*[s.serve_forever() for s in servers])


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    asyncio.run(main([int(p) for p in sys.argv[1:]]))
