// SPDX-License-Identifier: Apache-2.0
// The console's pages. Every value goes through h(), which escapes.
'use strict';

const escapes = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
const esc = (v) => String(v).replace(/[&<>"']/g, (c) => escapes[c]);

class Safe {
  constructor(text) { this.text = text; }
}

function h(strings, ...values) {
  const one = (v) => (v instanceof Safe ? v.text : Array.isArray(v) ? v.map(one).join('') : esc(v));
  return new Safe(strings.reduce((all, s, i) => all + one(values[i - 1]) + s));
}

function frame(t, title, body) {
  return h`<!doctype html>
<html lang="${t.code}"><head><meta charset="utf-8"><title>${title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">
<link rel="stylesheet" href="/static/style.css"><script src="/static/console.js" defer></script></head>
<body><header><h1>${t.title}</h1><a class="lang" href="?lang=${t.otherCode}" lang="${t.otherCode}">${t.other}</a></header>
${body}<footer>${t.demo}</footer></body></html>`.text;
}

function login(t, failed) {
  return frame(t, t.login, h`<main class="narrow"><form method="post" action="/login" class="card">
<h2>${t.login}</h2>${failed ? h`<p class="bad" role="alert">${t.failed}</p>` : ''}
<label>${t.user}<input name="username" id="user" autocomplete="username" autofocus required></label>
<label>${t.password}<input name="password" id="password" type="password" autocomplete="current-password" required></label>
<button id="login">${t.login}</button></form></main>`);
}

const coins = (amount, asset) => Number(amount).toLocaleString('en-US',
  { minimumFractionDigits: asset === 'JPY' ? 0 : 4, maximumFractionDigits: 8 });

function withdrawCard(t, user, csrf, assets) {
  return h`<section class="card"><h2>${t.withdraw}</h2><form method="post" action="/withdraw" id="withdraw">
<input type="hidden" name="csrf" value="${csrf}">
<label>${t.asset}<select name="asset" id="asset">${assets.map((a) => h`<option>${a}</option>`)}</select></label>
<label>${t.amount}<input name="amount" id="amount" inputmode="decimal" required></label>
<label>${t.to}<input name="address" id="address" required></label><button id="send">${t.send}</button></form></section>`;
}

function dashboard(t, user, wallet, csrf, sent) {
  return frame(t, t.title, h`<nav><span>${t.welcome} <b id="who">${user}</b></span>
<span class="live"><i id="dot"></i><span id="live" data-on="${t.live}" data-off="${t.offline}">${t.offline}</span></span>
<form method="post" action="/logout"><button class="plain" id="logout">${t.logout}</button></form></nav>
<main>${sent ? h`<p class="good" role="status" id="sent">${t.sent}: ${sent}</p>` : ''}
<section class="tiles">${Object.entries(wallet.balance).map(([asset, amount]) => h`<div class="card tile"><h2>${t.balance}</h2>
<b class="sum" data-asset="${asset}">${coins(amount, asset)}</b> <span>${asset}</span></div>`)}</section>
<div class="two">${withdrawCard(t, user, csrf, Object.keys(wallet.balance))}
<section class="card"><h2>${t.addresses}</h2><table><thead><tr><th>${t.label}<th>${t.address}</thead><tbody>
${wallet.addresses.map((a) => h`<tr><td>${a.label}<td><code>${a.address}</code>`)}</tbody></table></section></div>
<section class="card"><h2>${t.history}</h2><table id="audit"><thead><tr><th>${t.time}<th>${t.what}<th>${t.user}<th>${t.detail}<th>${t.from}</thead>
<tbody>${wallet.audit.slice(-12).reverse().map((e) => h`<tr><td><time>${e.time.slice(0, 19).replace('T', ' ')}</time><td>${t['e_' + e.what]}<td>${e.user}<td>${e.detail}<td>${e.from}`)}</tbody></table></section></main>`);
}

module.exports = { login, dashboard };
