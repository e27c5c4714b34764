#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Django's own admin (Debian's python3-django) as a backend: serve.py PORT DIR

Makes a database in DIR with the superusers alice and bob, serves /admin/ with its static files
on 127.0.0.1:PORT, and writes a JSON line to DIR/requests.jsonl for each request that arrives.
Nothing in it knows of warifu; it trusts X-Forwarded-Proto as an admin behind a proxy does.
"""
import json
import os
import socketserver
import sys
import threading
import wsgiref.simple_server

PORT, DIR = int(sys.argv[1]), os.path.abspath(sys.argv[2])
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
PASSWORDS = {"alice": "alice-7-lanterns", "bob": "bob-9-anchors"}


def configure():
    import django
    from django.conf import settings
    settings.configure(
        SECRET_KEY=os.urandom(32).hex(), DEBUG=False, ALLOWED_HOSTS=["*"], ROOT_URLCONF="serve",
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.path.join(DIR, "db.sqlite3"),
                               "OPTIONS": {"timeout": 20}}},
        INSTALLED_APPS=["django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes",
                        "django.contrib.sessions", "django.contrib.messages", "django.contrib.staticfiles", "treasury"],
        MIDDLEWARE=["django.middleware.security.SecurityMiddleware",
                    "django.contrib.sessions.middleware.SessionMiddleware",
                    "django.middleware.common.CommonMiddleware", "django.middleware.csrf.CsrfViewMiddleware",
                    "django.contrib.auth.middleware.AuthenticationMiddleware",
                    "django.contrib.messages.middleware.MessageMiddleware",
                    "django.middleware.clickjacking.XFrameOptionsMiddleware"],
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True,
                    "OPTIONS": {"context_processors": [
                        "django.template.context_processors.request", "django.contrib.auth.context_processors.auth",
                        "django.contrib.messages.context_processors.messages"]}}],
        LANGUAGE_CODE="en-us", USE_TZ=True, STATIC_URL="/static/", DEFAULT_AUTO_FIELD="django.db.models.AutoField",
        SECURE_PROXY_SSL_HEADER=("HTTP_X_FORWARDED_PROTO", "https"),
        LOGGING={"version": 1, "handlers": {"err": {"class": "logging.StreamHandler"}},
                 "root": {"handlers": ["err"], "level": "WARNING"}})
    django.setup()


def fill_database():
    from django.core.management import call_command
    from django.contrib.auth.models import User
    call_command("migrate", run_syncdb=True, verbosity=0)
    for name, password in PASSWORDS.items():
        if not User.objects.filter(username=name).exists():
            User.objects.create_superuser(name, f"{name}@wallet.test", password)


def __getattr__(name):
    """The URL list, made when Django asks for it (this file is its ROOT_URLCONF)."""
    if name != "urlpatterns":
        raise AttributeError(name)
    from django.contrib import admin
    from django.urls import path
    return [path("admin/", admin.site.urls)]


class Log:
    """One JSON line for each request's head and one when it was answered."""

    def __init__(self, path):
        self.file, self.lock, self.count = open(path, "a", buffering=1, encoding="utf-8"), threading.Lock(), 0

    def write(self, **line):
        with self.lock:
            self.file.write(json.dumps(line) + "\n")

    def next_id(self):
        with self.lock:
            self.count += 1
            return self.count


class Handler(wsgiref.simple_server.WSGIRequestHandler):
    def parse_request(self):
        good = super().parse_request()
        if good:
            head = len(self.raw_requestline) + sum(len(n) + len(v) + 4 for n, v in self.headers.items()) + 2
            self.number = self.server.log.next_id()
            self.server.log.write(id=self.number, event="head", method=self.command, path=self.path, head=head,
                                  headers=self.headers.items(), length=self.headers.get("Content-Length"))
        return good

    def handle(self):
        super().handle()
        if hasattr(self, "number"):
            self.server.log.write(id=self.number, event="body", complete=True,
                                  bytes=int(self.headers.get("Content-Length") or 0))

    def log_message(self, *args):
        pass


class Server(socketserver.ThreadingMixIn, wsgiref.simple_server.WSGIServer):
    daemon_threads = True
    request_queue_size = 64

    def server_bind(self):  # without the base class's look-up of our host's name
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", PORT
        self.setup_environ()


def main():
    os.makedirs(DIR, exist_ok=True)
    sys.modules["serve"] = sys.modules["__main__"]
    configure()
    fill_database()
    from django.contrib.staticfiles.handlers import StaticFilesHandler
    from django.core.wsgi import get_wsgi_application
    from django.contrib.staticfiles import views
    serve = views.serve
    views.serve = lambda *a, **k: serve(*a, **dict(k, insecure=True))  # DEBUG is off, files are wanted
    server = Server(("127.0.0.1", PORT), Handler)
    server.log = Log(os.path.join(DIR, "requests.jsonl"))
    server.set_app(StaticFilesHandler(get_wsgi_application()))
    print(f"ready on {PORT}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
