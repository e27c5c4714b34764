# SPDX-License-Identifier: Apache-2.0
"""Start the real backends, log in to them, and count what reached them."""
import hashlib
import json
import os
import re
import subprocess
import urllib.parse

from lib import tap
from lib.world import NODE, SRC, Process, free_port, wait_until

PASSWORDS = {"alice": "alice-7-lanterns", "bob": "bob-9-anchors"}
RTL_PASSWORD = "rtl-5-anvils"
HERE = os.path.join(SRC, "tests", "backends")


class Request:
    """One request as the backend saw it."""

    def __init__(self, line):
        self.id, self.method, self.path, self.headers = line["id"], line["method"], line["path"], line["headers"]
        self.head, self.bytes, self.complete = line["head"], None, False

    def all(self, name):
        return [v for n, v in self.headers if n.lower() == name.lower()]

    def get(self, name):
        return (self.all(name) or [None])[0]

    def __repr__(self):
        return f"<{self.method} {self.path} {self.head}+{self.bytes} bytes>"


class Backend:
    """A backend program and its requests.jsonl."""

    def __init__(self, world, name, command, port, env=None):
        self.port, self.name = port, name
        self.log_path = os.path.join(world.path(name), "requests.jsonl")
        self.process = world.process(f"{name}-{port}", command, env)
        self.process.wait_log("ready on", 30)

    def requests(self, path=None, method=None, since=0):
        """What arrived, oldest first; `since` is a mark()."""
        found = {}
        if os.path.exists(self.log_path):
            with open(self.log_path, encoding="utf-8") as f:
                for text in f:
                    line = json.loads(text)
                    if line["event"] == "head":
                        found[line["id"]] = Request(line)
                    elif line["id"] in found:
                        found[line["id"]].bytes, found[line["id"]].complete = line["bytes"], line["complete"]
        return [r for r in found.values() if r.id > since and (path is None or r.path.split("?")[0] == path)
                and (method is None or r.method == method)]

    def mark(self):
        """The number of the last request so far."""
        return max([r.id for r in self.requests()], default=0)

    def bytes_since(self, mark):
        """Bytes of heads and bodies that reached this backend since the mark."""
        return sum(r.head + (r.bytes or 0) for r in self.requests(since=mark))


def start_django(world):
    port = free_port()
    world.folder("django", mine=False)
    return Backend(world, "django", ["/usr/bin/python3", os.path.join(HERE, "django", "serve.py"), port,
                                     world.path("django")], port)


def node_env():
    if not os.path.isdir(os.path.join(NODE, "node_modules")):
        done = subprocess.run([os.path.join(SRC, "tests", "setup-node.sh")], capture_output=True, text=True)
        tap.check(done.returncode == 0, done.stderr)
    return dict(os.environ, NODE_PATH=os.path.join(NODE, "node_modules"))


def start_node(world, name, *options):
    port = free_port()
    world.folder(name, mine=False)
    return Backend(world, name, ["node", os.path.join(HERE, name, "app.js"), port, world.path(name), *options],
                   port, node_env())


def start_express(world, *options):
    """--rolling, --keep-id, --idle=SECONDS: see its app.js."""
    return start_node(world, "express", *options)


def start_rtl(world):
    return start_node(world, "rtl-like")


# --- logging in with lib.http1.Client -----------------------------------------------------

def login_django(client, user, password=None):
    """The admin's form login; returns the answer to the POST."""
    page = client.get("/admin/login/?next=/admin/")
    return django_post(client, "/admin/login/?next=/admin/", page, username=user, password=password or PASSWORDS[user], next="/admin/")


def django_post(client, target, page, **form):
    """POST a form of a page that was fetched, with its CSRF token."""
    found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text())
    tap.check(found, f"no CSRF token on the page: {page!r}")
    form["csrfmiddlewaretoken"] = found.group(1)
    origin = f"https://{client.host}" if client.tls else f"http://{client.host}"
    return client.post(target, form, fields={"Referer": origin + target, "Origin": origin})


def login_express(client, user, password=None):
    return client.post("/login", {"username": user, "password": password or PASSWORDS[user]})


def rtl_fields(client):
    return {"X-XSRF-TOKEN": urllib.parse.unquote(client.jar.get("XSRF-TOKEN", ""))}


def login_rtl(client, password=RTL_PASSWORD):
    """Fetch the page (cookies), log in, keep the token as the client's bearer."""
    client.bearer = None
    client.get("/rtl/")
    answer = client.post("/rtl/api/authenticate", data={
        "authenticateWith": "PASSWORD", "authenticationValue": hashlib.sha256(password.encode()).hexdigest()},
        fields=rtl_fields(client))
    if answer.status == 200:
        client.bearer = answer.json()["token"]
    return answer


def wait_request(backend, path, since=0, method=None):
    return wait_until(lambda: backend.requests(path, method, since), 5, f"{path} at {backend.name}")[0]
