# SPDX-License-Identifier: Apache-2.0
"""warifu, nginx and HAProxy in front of the same backend with the same certificate, one worker each.

Each has `port` (TLS) and `proxy_port` (TLS behind a PROXY header), and pids() of all its processes. The peers only
forward: they check nothing, log nothing (access_log off, no log at HAProxy), keep connections to the backend.
"""
import os
import socket
import ssl

from bench.meter import PROXY_CPU, pinned
from lib import places
from lib.settings import NO_LIMITS, OPEN_ALL, SIMPLE_LOGIN, Front, site
from lib.world import descendants, free_ports

HOST, OPEN = "wallet.test", "open.test"  # the second: a site without sessions
BACKEND = {"connections": "off", "kept-connections": "512"}  # as the peers are told
LIMITS = NO_LIMITS | {"connections": "30000", "connections-per-address": "30000", "sessions": "400000"}

NGINX = """daemon off; worker_processes 1; worker_rlimit_nofile 20000; pid {run}/nginx.pid; error_log {run}/nginx.err crit;
{user}
events {{ worker_connections 15000; multi_accept on; }}
http {{
  access_log off; server_tokens off; keepalive_timeout 3600s; keepalive_requests 100000000; tcp_nodelay on;
  types {{ }} default_type text/plain;
  client_body_temp_path {run}/b; proxy_temp_path {run}/p; fastcgi_temp_path {run}/f; uwsgi_temp_path {run}/u; scgi_temp_path {run}/s;
  upstream back {{ server 127.0.0.1:{back}; keepalive 512; keepalive_requests 100000000; keepalive_timeout 3600s; }}
  server {{
    listen 127.0.0.1:{port} ssl http2 backlog=4096;
    listen 127.0.0.1:{proxy_port} ssl http2 proxy_protocol backlog=4096;
    http2_max_concurrent_streams 256; http2_max_requests 100000000;
    ssl_certificate {cert}; ssl_certificate_key {key}; ssl_protocols TLSv1.2 TLSv1.3;
    ssl_session_cache shared:S:50m; ssl_session_timeout 1h; ssl_session_tickets on; ssl_early_data off;
    location / {{
      proxy_pass http://back; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Forwarded-Proto https;
      proxy_buffers 16 32k; proxy_buffer_size 8k; proxy_busy_buffers_size 128k; proxy_max_temp_file_size 0;
    }}
  }}
}}
"""

HAPROXY = """global
  nbthread 1
  maxconn 12000
  no strict-limits
  tune.ssl.cachesize 200000
  tune.ssl.lifetime 3600
  tune.h2.max-concurrent-streams 256
  tune.pool-high-fd-ratio 40
  ssl-default-bind-options ssl-min-ver TLSv1.2
defaults
  mode http
  timeout connect 5s
  timeout client 1h
  timeout server 1h
  timeout http-keep-alive 1h
  option http-keep-alive
  http-reuse always
frontend f
  bind 127.0.0.1:{port} ssl crt {pair} alpn h2,http/1.1 backlog 4096
  bind 127.0.0.1:{proxy_port} accept-proxy ssl crt {pair} alpn h2,http/1.1 backlog 4096
  option forwardfor
  http-request set-header X-Forwarded-Proto https
  default_backend b
backend b
  server s 127.0.0.1:{back} pool-max-conn 512 pool-purge-delay 1h
"""


class Warifu:
    """Every check and every record on: geo files, the starter policy, the log committed."""
    name = "warifu"

    def __init__(self, world, back, threads=1, cpu=PROXY_CPU):
        with pinned(cpu):
            self.front = Front(world, [site("wallet", HOST, back, lines=SIMPLE_LOGIN, backend=BACKEND), site("open", OPEN, back, lines=OPEN_ALL, backend=BACKEND)], geo=places.geo(world), limits=LIMITS,
                               threads=threads)
        self.port, self.proxy_port = self.front.port, self.front.proxy_port
        self.gate = self.front.gate

    def pids(self):
        return [self.gate.pid] + descendants(self.gate.pid)


class Peer:
    def __init__(self, world, command):
        with pinned(PROXY_CPU):
            self.process = world.process(self.name, command)
        self.process.wait_port(self.port)

    def pids(self):
        return [self.process.pid] + descendants(self.process.pid)


class Nginx(Peer):
    name = "nginx"

    def __init__(self, world, back, cert, key):
        self.port, self.proxy_port = free_ports(2)
        run = world.folder("nginx", mine=False)
        conf = world.write("nginx.conf", NGINX.format(run=run, back=back, port=self.port, proxy_port=self.proxy_port, cert=cert,
                                                      key=key, user="user root;" if os.geteuid() == 0 else ""))
        super().__init__(world, ["nginx", "-p", run, "-c", conf])


class Haproxy(Peer):
    name = "haproxy"

    def __init__(self, world, back, cert, key):
        self.port, self.proxy_port = free_ports(2)
        pair = world.path("pair.pem")
        with open(pair, "w", encoding="ascii") as out:
            for part in (cert, key):
                with open(part, encoding="ascii") as f:
                    out.write(f.read())
        conf = world.write("haproxy.cfg", HAPROXY.format(back=back, port=self.port, proxy_port=self.proxy_port, pair=pair))
        super().__init__(world, ["haproxy", "-db", "-f", conf])


def speaks_h2(proxy):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2", "http/1.1"])
    with socket.create_connection(("127.0.0.1", proxy.port), 5) as plain, context.wrap_socket(plain, server_hostname=HOST) as tls:
        return tls.selected_alpn_protocol() == "h2"
