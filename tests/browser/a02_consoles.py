# SPDX-License-Identifier: Apache-2.0
# warifu-test: heavy
# warifu-test: timeout=300
"""The three consoles in both real browsers, behind a mere TLS end: so that what fails behind the
gate later is the gate's."""
import socket
import ssl
import threading

from lib import tap
from lib.backend import start_django, start_express, start_rtl, wait_request
from lib.hop import Hop
from lib.marionette import Firefox
from lib.people import PAGES, loot
from lib.webdriver import Chromium
from lib.world import World, spki_hash

START = {"express": start_express, "django": start_django, "ride-the-lightning": start_rtl}


class TlsEnd(Hop):
    """Ends TLS and passes the plain bytes on, to the backend that the server name belongs to."""

    def __init__(self, context, ports):
        self.context, self.behind = context, ports
        context.sni_callback = self._note_name
        super().__init__(0)

    @staticmethod
    def _note_name(sock, name, context):
        sock.wanted = name

    def _serve(self, client):
        try:
            secure = self.context.wrap_socket(client, server_side=True)
            up = socket.create_connection(("127.0.0.1", self.behind[secure.wanted]))
        except (OSError, KeyError):
            return client.close()
        threading.Thread(target=copy, args=(up, secure), daemon=True).start()
        copy(secure, up)


def copy(a, b):
    try:
        while data := a.recv(65536):
            b.sendall(data)
    except OSError:
        pass
    for s in (a, b):
        try:
            s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def walk(browser, pages, backend):
    """Log in (first wrongly), work, look at the loot, log out."""
    pages.login(browser, password="wrong")
    browser.wait(lambda: browser.has("#password, #id_password"), 10, "the form again")
    pages.login(browser)
    pages.logged_in(browser)
    jar, token = loot(browser, pages)
    tap.check(bool(token) == bool(pages.token), token)
    mark = backend.mark()
    pages.work(browser)
    sent = [r for r in backend.requests(since=mark) if r.method == "POST"]
    tap.equal(len(sent), 1, "POSTs for one withdrawal")
    pages.logout(browser)
    wait_request(backend, pages.read if pages.name == "django" else sent[0].path)


with World("consoles") as world:
    ca, cert, key = world.certs(*[p.host for p in PAGES])
    backends = {p.host: START[p.name](world) for p in PAGES}
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    end = world.add(TlsEnd(context, {h: b.port for h, b in backends.items()}))
    tunnel = world.add(Hop(end.port, connect=True))
    chromium = Chromium(world, {f"{p.host}:443": end.port for p in PAGES}, [spki_hash(cert)])
    firefox = Firefox(world, proxy=tunnel.port)
    for pages in PAGES:
        for name, browser in (("chromium", chromium), ("firefox", firefox)):
            tap.run(f"{pages.name} in {name}", walk, browser, pages, backends[pages.host])
tap.finish()
