# SPDX-License-Identifier: Apache-2.0
"""What people do in a browser with the three consoles; works with Chromium and Firefox alike."""
from lib import tap
from lib.backend import PASSWORDS, RTL_PASSWORD


class ExpressPages:
    name, host, cookie, token = "express", "wallet.test", "connect.sid", None
    read, send = "/api/balance", "/api/withdraw"
    theft = ("application/json", '{"asset":"BTC","amount":1,"address":"bc1qthief00"}')

    @staticmethod
    def login(b, user="alice", password=None):
        b.go("https://wallet.test/login")
        b.type("#user", user)
        b.type("#password", password or PASSWORDS[user])
        b.click("#login")

    @staticmethod
    def logged_in(b, user="alice"):
        b.wait(lambda: b.has("#who") and b.text("#who") == user, 10, f"{user} on the page {b.url()}")
        b.wait(lambda: b.text("#live") == "Live", 10, "the tunnel")

    @staticmethod
    def work(b):
        """A withdrawal by the form, with all that the page loads."""
        b.type("#amount", "1")
        b.type("#address", "bc1qfriend00")
        b.click("#send")
        b.wait_text("Withdrawal accepted")
        b.wait(lambda: b.text("#live") == "Live", 10, "the tunnel after the withdrawal")

    @staticmethod
    def logout(b):
        b.click("#logout")
        b.find("#password")


class DjangoPages:
    name, host, cookie, token = "django", "django.test", "sessionid", None
    read, send = "/admin/", "/admin/treasury/withdrawal/add/"
    theft = ("application/x-www-form-urlencoded", "asset=BTC&amount=1&address=bc1qthief00&note=")

    @staticmethod
    def login(b, user="alice", password=None):
        b.go("https://django.test/admin/")
        b.type("#id_username", user)
        b.type("#id_password", password or PASSWORDS[user])
        b.click("input[type=submit]")

    @staticmethod
    def logged_in(b, user="alice"):
        b.wait(lambda: b.has("#user-tools") and user in b.text("#user-tools").lower(), 10, f"{user} on {b.url()}")

    @staticmethod
    def work(b):
        b.go("https://django.test/admin/treasury/withdrawal/add/")
        b.type("#id_amount", "1")
        b.type("#id_address", "bc1qfriend00")
        b.click("input[name=_save]")
        b.wait_text("was added successfully")

    @staticmethod
    def logout(b):
        b.go("https://django.test/admin/logout/")
        b.wait_text("Logged out")


class RtlPages:
    name, host, cookie, token = "ride-the-lightning", "rtl.test", "connect.sid", "token"
    read, send = "/rtl/api/lnd/balance", "/rtl/api/lnd/transactions"
    theft = ("application/json", '{"amount":1000,"address":"bcrt1qthief"}')

    @staticmethod
    def login(b, user=None, password=None):
        b.go("https://rtl.test/rtl/")
        b.type("#password", password or RTL_PASSWORD)
        b.click("#login")

    @staticmethod
    def logged_in(b, user=None):
        b.wait_text("logged in")
        b.wait(lambda: b.text("#tunnel") == "open", 10, "the tunnel")

    @staticmethod
    def work(b):
        b.type("#amount", "1000")
        b.type("#address", "bcrt1qfriend")
        b.click("#send")
        b.wait_text("sent ")

    @staticmethod
    def logout(b):
        b.click("#logout")
        b.wait(lambda: not b.has("#wallet") or b.run("return document.getElementById('wallet').hidden"), 10, "logged out")


PAGES = [ExpressPages, DjangoPages, RtlPages]


def loot(b, pages):
    """Everything that a thief copies from a browser's profile: (cookies, token)."""
    token = b.run(f"return sessionStorage.getItem('{pages.token}')") if pages.token else None
    jar = {c["name"]: c["value"] for c in b.cookies()}
    tap.check(pages.cookie in jar, f"no {pages.cookie} in {sorted(jar)}")
    return jar, token
