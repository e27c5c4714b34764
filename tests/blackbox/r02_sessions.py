# SPDX-License-Identifier: Apache-2.0
"""Limits on sessions themselves: of one user, and of the whole table."""
from lib import tap
from lib.backend import login_express, start_express
from lib.settings import Front, site
from lib.world import World

world = World("sessions")
app = start_express(world)
front = Front(world, [site("wallet", "wallet.test", app.port, recipe="express")],
              limits={"sessions-per-user": 2, "sessions": 100, "logins-per-address": "10000 per 60 s burst 10000"})


def works(client):
    return client.get("/api/me").status == 200


@tap.case
def a_user_with_too_many_sessions_loses_the_one_idle_longest():
    clients = [front.client() for _ in range(3)]
    other = front.client()
    tap.equal(login_express(other, "bob").status, 303, "bob")
    for c in clients:
        tap.equal(login_express(c, "alice").status, 303, "alice")
    tap.equal([works(c) for c in clients], [False, True, True], "alice's sessions")
    tap.check(works(other), "bob is another user")


@tap.case
def a_full_table_makes_room_from_sessions_that_ended():
    c = front.client()
    for i in range(130):
        tap.equal(login_express(c, "alice").status, 303, f"login {i}")
    tap.check(works(c), "the last login works")


tap.main()
