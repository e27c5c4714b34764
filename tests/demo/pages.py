# SPDX-License-Identifier: Apache-2.0
"""The pages of the demo's wallet console, in English and Japanese."""
import html
import time

TEXTS = {
    "en": {
        "name": "Kura Wallet Console", "sub": "Hot and warm wallets · staff only", "user": "User name", "password": "Password",
        "enter": "Log in", "leave": "Log out", "wrong": "The user name or the password is wrong.", "balances": "Balances",
        "new": "New withdrawal", "recent": "Recent withdrawals", "asset": "Asset", "amount": "Amount", "to": "Destination address",
        "send": "Send withdrawal", "time": "Time", "by": "Requested by", "state": "State", "sent": "Sent", "value": "About",
        "done": "The withdrawal was accepted and sent.", "bad-amount": "The amount is not possible.",
        "bad-address": "The address is not valid.", "no-right": "Your role may look but not withdraw.",
        "operator": "Operator", "viewer": "Viewer", "missing": "There is no such page.",
        "demo": "Demo data. Log in as alice / alice-7-lanterns (operator) or bob / bob-9-anchors (viewer).",
    },
    "ja": {
        "name": "蔵 ウォレット管理コンソール", "sub": "ホット/ウォームウォレット · 社内専用", "user": "ユーザー名", "password": "パスワード",
        "enter": "ログイン", "leave": "ログアウト", "wrong": "ユーザー名またはパスワードが違います。", "balances": "残高",
        "new": "出金の申請", "recent": "最近の出金", "asset": "資産", "amount": "数量", "to": "送金先アドレス",
        "send": "出金を実行", "time": "日時", "by": "申請者", "state": "状態", "sent": "送金済み", "value": "概算",
        "done": "出金を受け付け、送金しました。", "bad-amount": "数量が正しくありません。",
        "bad-address": "アドレスが正しくありません。", "no-right": "この権限では閲覧のみ可能です。出金はできません。",
        "operator": "出金担当", "viewer": "閲覧のみ", "missing": "ページが見つかりません。",
        "demo": "デモ用データです。alice / alice-7-lanterns(出金担当)または bob / bob-9-anchors(閲覧のみ)でログインできます。",
    },
}
# Yen for one unit: round figures, for show.
YEN = {"BTC": 10_500_000, "ETH": 560_000, "USDC": 156}
LONG = {"BTC": "Bitcoin", "ETH": "Ether", "USDC": "USD Coin"}

ICON = ('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#0f4c5c"/>'
        '<path d="M7 14 16 7l9 7v11H7z" fill="none" stroke="#fff" stroke-width="2.4" stroke-linejoin="round"/>'
        '<circle cx="16" cy="18" r="3" fill="#f4b860"/></svg>')

STYLE = """
:root { --ink: #16242b; --soft: #5d6f78; --line: #dde5e8; --deep: #0f4c5c; --warm: #f4b860; --ground: #f3f6f7; }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 15px/1.5 "Inter", "Segoe UI", "Hiragino Sans",
  "Noto Sans CJK JP", "Noto Sans JP", system-ui, sans-serif; }
header { background: var(--deep); color: #fff; display: flex; align-items: center; gap: 14px; padding: 12px max(24px, calc(50vw - 520px)); }
header img { width: 34px; height: 34px; border-radius: 8px; outline: 1px solid #ffffff40; }
header b { font-size: 17px; letter-spacing: .01em; } header small { display: block; color: #bfd3d9; font-size: 12.5px; }
header form { margin-left: auto; display: flex; align-items: center; gap: 14px; }
header .role { background: #ffffff1f; border-radius: 99px; padding: 2px 10px; font-size: 12.5px; }
main { max-width: 1040px; margin: 26px auto; padding: 0 24px; display: grid; gap: 20px; }
.card { background: #fff; border: 1px solid var(--line); border-radius: 12px; padding: 18px 20px; box-shadow: 0 1px 2px #16242b0d; }
h2 { margin: 0 0 12px; font-size: 15px; font-weight: 650; }
.three { display: grid; grid-template-columns: repeat(3, 1fr); gap: 16px; }
.coin small, .soft { color: var(--soft); font-size: 13px; }
.coin strong { display: block; font-size: 25px; font-weight: 650; font-variant-numeric: tabular-nums; }
.work { display: grid; grid-template-columns: 340px 1fr; gap: 20px; align-items: start; }
label { display: block; margin-bottom: 12px; font-size: 13px; color: var(--soft); }
input, select { width: 100%; margin-top: 4px; padding: 9px 11px; border: 1px solid #c6d2d6; border-radius: 8px; font: inherit;
  color: var(--ink); background: #fff; }
input:focus, select:focus { outline: 2px solid #2a9db5; border-color: transparent; }
button { font: inherit; font-weight: 600; border: 0; border-radius: 8px; padding: 10px 16px; background: var(--deep); color: #fff; cursor: pointer; }
header button { background: #ffffff22; padding: 6px 12px; font-weight: 500; }
.wide { width: 100%; }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
th { text-align: left; font-size: 12.5px; font-weight: 500; color: var(--soft); padding: 0 10px 8px 0; }
td { padding: 9px 10px 9px 0; border-top: 1px solid var(--line); font-size: 14px; white-space: nowrap; }
td.to { font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: 12.5px; max-width: 210px; overflow: hidden; text-overflow: ellipsis; }
.num { text-align: right; padding-right: 22px; }
.sent { color: #1d7a4f; background: #e2f4ea; border-radius: 99px; padding: 2px 10px; font-size: 12.5px; }
.say { border-radius: 10px; padding: 11px 16px; background: #e2f4ea; color: #14603d; } .say.bad { background: #fdeaea; color: #9b1c1c; }
.gate { max-width: 400px; margin: 9vh auto 0; padding: 0 20px; } .gate .card { padding: 28px; }
.gate img { width: 46px; } .gate h1 { font-size: 21px; margin: 10px 0 0; } .gate p { margin: 2px 0 20px; }
@media (max-width: 820px) { .work, .three { grid-template-columns: 1fr; } }
"""


def page(lang, body):
    t = TEXTS[lang]
    return (f'<!doctype html><html lang="{lang}"><head><meta charset="utf-8"><title>{t["name"]}</title>'
            '<meta name="viewport" content="width=device-width"><link rel="icon" href="/favicon.svg">'
            f'<link rel="stylesheet" href="/style.css"></head><body>{body}</body></html>')


def say(lang, key):
    if key not in ("done", "wrong", "bad-amount", "bad-address", "no-right"):
        return ""
    return f'<div id="said" class="say{"" if key == "done" else " bad"}">{TEXTS[lang][key]}</div>'


def login(lang, fault):
    t = TEXTS[lang]
    return page(lang, f'''<div class="gate"><div class="card"><img src="/favicon.svg" alt=""><h1>{t["name"]}</h1>
<p class="soft">{t["sub"]}</p>{say(lang, fault)}<form method="post" action="/login">
<label>{t["user"]}<input id="username" name="username" autocomplete="username" autofocus required></label>
<label>{t["password"]}<input id="password" name="password" type="password" autocomplete="current-password" required></label>
<button id="login" class="wide">{t["enter"]}</button></form></div><p class="soft">{t["demo"]}</p></div>''')


def missing(lang):
    return page(lang, f'<main><div class="card">{TEXTS[lang]["missing"]} <a href="/">{TEXTS[lang]["name"]}</a></div></main>')


def amount(asset, n):
    return f"{n:,.2f}".rstrip("0").rstrip(".") if asset != "USDC" else f"{n:,.0f}"


def home(lang, user, who, ledger, said):
    t = TEXTS[lang]
    with ledger.lock:
        balances, rows = dict(ledger.balances), list(ledger.rows[:9])
    coins = "".join(f'''<div class="card coin"><small>{LONG[a]}</small><strong>{amount(a, n)} {a}</strong>
<small>{t["value"]} ¥{n * YEN[a]:,.0f}</small></div>''' for a, n in balances.items())
    lines = "".join(f'''<tr><td>{time.strftime("%m-%d %H:%M", time.localtime(r["time"]))}</td>
<td class="num">{amount(r["asset"], r["amount"])} {r["asset"]}</td><td class="to">{html.escape(r["to"])}</td>
<td>{html.escape(r["by"])}</td><td><span class="sent">{t["sent"]}</span></td></tr>''' for r in rows)
    options = "".join(f"<option>{a}</option>" for a in balances)
    return page(lang, f'''<header><img src="/favicon.svg" alt=""><div><b>{t["name"]}</b><small>{t["sub"]}</small></div>
<form method="post" action="/logout"><span id="who" title="{html.escape(user)}">{who[1]}</span><span class="role">{t["operator" if who[2] else "viewer"]}</span>
<button id="logout">{t["leave"]}</button></form></header><main>{say(lang, said)}
<section><h2>{t["balances"]}</h2><div class="three">{coins}</div></section>
<section class="work"><form class="card" method="post" action="/withdraw"><h2>{t["new"]}</h2>
<label>{t["asset"]}<select id="asset" name="asset">{options}</select></label>
<label>{t["amount"]}<input id="amount" name="amount" inputmode="decimal" required></label>
<label>{t["to"]}<input id="address" name="address" required></label><button id="send" class="wide">{t["send"]}</button></form>
<div class="card"><h2>{t["recent"]}</h2><table><tr><th>{t["time"]}</th><th class="num">{t["amount"]}</th><th>{t["to"]}</th>
<th>{t["by"]}</th><th>{t["state"]}</th></tr>{lines}</table></div></section></main>''')
