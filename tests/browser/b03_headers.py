# SPDX-License-Identifier: Apache-2.0
# warifu-test: heavy
# warifu-test: timeout=400
"""Real browsers ask in all the ways that pages do, and client.headers-same never calls them another program; one that is driven with
another User-Agent and language is told."""
import time

from lib import tap
from lib.backend import PASSWORDS, start_express
from lib.marionette import Firefox
from lib.people import ExpressPages as console
from lib.settings import Front, site
from lib.webdriver import Chromium
from lib.world import World, wait_until

# Every way to ask that a page has, some with what scripts like to add; `n` makes each of them another request.
ASK = """
const [n, done] = [arguments[0], arguments[arguments.length - 1]];
const at = name => `/api/me?${name}=${n}`;
const frame = document.createElement('iframe');
const made = (tag, set) => new Promise(r => { const e = document.createElement(tag); Object.assign(e, set); e.onload = e.onerror = () => r();
                                              document.body.append(e); setTimeout(r, 1500); });
const xhr = (method, name, heads, body) => new Promise(r => { const x = new XMLHttpRequest(); x.open(method, at(name));
    for (const [k, v] of Object.entries(heads)) x.setRequestHeader(k, v); x.onloadend = r; x.send(body); });
const json = {'Content-Type': 'application/json'};
Promise.all([
    fetch(at('plain')), fetch(at('accept'), {headers: {Accept: 'application/json'}}),
    fetch(at('many'), {headers: Object.fromEntries([...Array(12).keys()].map(i => ['X-Own-' + i, '1']))}),
    fetch(at('token'), {headers: {'X-CSRF-Token': 'a', 'X-Requested-With': 'XMLHttpRequest', Accept: '*/*'}}),
    fetch(at('nostore'), {cache: 'no-store'}), fetch(at('reload'), {cache: 'reload'}), fetch(at('range'), {headers: {Range: 'bytes=0-3'}}),
    fetch(at('post'), {method: 'POST', headers: json, body: '{}'}), fetch(at('put'), {method: 'PUT', body: 'x'}),
    fetch(at('delete'), {method: 'DELETE', headers: {Accept: 'application/json, text/plain, */*'}}), fetch(at('keep'), {keepalive: true}),
    fetch(at('nocors'), {mode: 'no-cors'}), fetch(at('html'), {headers: {Accept: 'text/html'}}), fetch(at('head'), {method: 'HEAD'}),
    xhr('GET', 'xhr', {}), xhr('GET', 'axios', {Accept: 'application/json, text/plain, */*'}), xhr('POST', 'xpost', json, '{}'),
    made('img', {src: at('img')}), made('script', {src: at('script')}), made('link', {rel: 'stylesheet', href: at('css')}),
    made('iframe', {src: at('frame')}), made('video', {src: at('video')}), made('audio', {src: at('audio')}),
    made('link', {rel: 'preload', as: 'fetch', href: at('preload'), crossOrigin: 'anonymous'}), made('link', {rel: 'icon', href: at('icon')}),
    made('link', {rel: 'prefetch', href: at('prefetch')}), made('object', {data: at('object')}), made('script', {type: 'module', src: at('module')}),
    new Promise(r => { const s = new EventSource(at('events')); s.onopen = s.onerror = () => { s.close(); r(); }; }),
    new Promise(r => { const w = new Worker(at('worker')); w.onerror = () => r(); setTimeout(r, 1500); }),
    new Promise(r => { const s = new WebSocket(`wss://${location.host}/ws?${n}`); s.onopen = s.onerror = () => { s.close(); r(); }; }),
    navigator.sendBeacon(at('beacon'), 'x'), import(at('import')).catch(() => 0),
]).then(() => setTimeout(() => done(1), 500)).catch(e => done('' + e));
"""


def newest():
    return max((r["record"] for r in front.gate.records()), default=0)


def decisions(since):
    return [r for r in front.gate.records(kind="decision") if r["record"] > since and r.get("session")]


def counted(rows):
    seen = {}
    for r in rows:
        key = r["protocol"], r["facts"].get("client.headers-same")
        seen[key] = seen.get(key, 0) + 1
    return seen


def told(rows):
    return [(r["method"], r["path"], r["protocol"], r["evidence"]["client.headers-same"]) for r in rows
            if r["facts"].get("client.headers-same") is False]


def log_in(b, base):
    b.go(f"{base}/login")
    b.type("#user", "alice")
    b.type("#password", PASSWORDS["alice"])
    b.click("#login")
    console.logged_in(b)


def asks(b, turn):
    tap.equal(b.run_async(ASK, turn), 1)


def is_never_called_another_program(make):
    b, base = make()
    since = newest()
    log_in(b, base)
    for turn in range(3):
        asks(b, f"{make.__name__}{turn}")
        b.go(f"{base}/")
        console.logged_in(b)
        console.work(b)
        b.run("location.reload()")
        console.logged_in(b)
    profile = b.profile
    b.stop()
    b, base = make(profile)
    b.go(f"{base}/")
    console.logged_in(b)
    asks(b, f"{make.__name__}-restarted")
    b.stop()
    rows = wait_until(lambda: (lambda r: r if len(r) > 100 else None)(decisions(since)), 20, "its records")
    tap.note(f"{make.__name__}: {counted(rows)}")
    tap.equal(told(rows), [])
    tap.check(sum(r["facts"].get("client.headers-same") is True for r in rows) > 100, counted(rows))


def a_script_that_sets_the_language_is_told_once():
    """Chromium sends what a script sets in another place; from the login's TLS client it is learned."""
    b, base = chromium()
    log_in(b, base)
    asks(b, "before")
    since = newest()
    for turn in range(3):
        tap.equal(b.fetch(f"/api/me?{turn}", {"headers": {"Accept-Language": "ja"}})["status"], 200)
    rows = wait_until(lambda: (lambda r: r if len(r) > 2 else None)([r for r in decisions(since) if r["path"] == "/api/me"]), 10, "records")
    tap.equal(sorted(r["facts"]["client.headers-same"] for r in rows), [False, True, True], told(rows))
    b.stop()


def one_that_is_driven_is_told():
    """As thieves' tools do it: the same build by DevTools, with a User-Agent and a language of the victim's."""
    victim, base = chromium()
    log_in(victim, base)
    asks(victim, "victim")
    since = newest()
    thief, base = chromium()
    agent = victim.run("return navigator.userAgent")
    thief.go(f"{base}/login")
    thief.put_cookies(dict(victim.jar()), f"{base}/")
    thief.cdp("Network.setUserAgentOverride", userAgent=agent, acceptLanguage="ja")
    thief.go(f"{base}/")
    asks(thief, "thief")
    time.sleep(1)
    rows = decisions(since)
    tap.note(f"driven: {counted(rows)}")
    tap.check(told(rows), "not told")
    tap.equal({r["verdict"] for r in rows} - {"allow"}, set())
    victim.stop()
    thief.stop()


def chromium(profile=None):
    return Chromium(world, {f"{console.host}:443": front.port}, front.spki, profile=profile), f"https://{console.host}"


def firefox(profile=None):
    return Firefox(world, profile=profile), f"https://{console.host}:{front.port}"


with World("browser-headers") as world:
    app = start_express(world)
    front = Front(world, [site("express", console.host, app.port, recipe="express")])
    for browser in (chromium, firefox):
        tap.run(f"is_never_called_another_program: {browser.__name__}", is_never_called_another_program, browser)
    tap.run("a_script_that_sets_the_language_is_told_once", a_script_that_sets_the_language_is_told_once)
    tap.run("one_that_is_driven_is_told", one_that_is_driven_is_told)
tap.finish()
