// SPDX-License-Identifier: Apache-2.0
// Logs in as the real console does: the password's hash goes out, a token comes back and stays
// in sessionStorage; it is sent as Bearer and as the first WebSocket subprotocol.
'use strict';
(() => {
  const $ = (id) => document.getElementById(id);
  const cookie = (name) => (document.cookie.split('; ').find((c) => c.startsWith(name + '=')) || '=').split('=').slice(1).join('=');
  const say = (text) => { $('status').textContent = text; };

  async function api(method, path, body) {
    const headers = { 'X-XSRF-TOKEN': decodeURIComponent(cookie('XSRF-TOKEN')) };
    const token = sessionStorage.getItem('token');
    if (token) headers.Authorization = 'Bearer ' + token;
    if (body) headers['Content-Type'] = 'application/json';
    const answer = await fetch('api/' + path, { method, headers, body: body && JSON.stringify(body) });
    const text = await answer.text();
    let data = {};
    try { data = JSON.parse(text); } catch (e) { data = { error: text }; }
    return { status: answer.status, data };
  }

  async function hash(text) {
    const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
    return [...new Uint8Array(digest)].map((b) => b.toString(16).padStart(2, '0')).join('');
  }

  function tunnel() {
    const ws = new WebSocket(document.baseURI.replace(/^http/, 'ws') + 'api/ws', [sessionStorage.getItem('token'), '1']);
    window.socket = ws;
    ws.onopen = () => { $('tunnel').textContent = 'open'; };
    ws.onclose = () => { $('tunnel').textContent = 'closed'; };
    ws.onmessage = (m) => {
      const news = JSON.parse(m.data);
      if (news.data) $('balance').textContent = news.data.balance;
    };
  }

  async function show() {
    const info = await api('GET', 'lnd/getinfo');
    if (info.status !== 200) return say(`status ${info.status}`);
    $('login-form').hidden = true;
    $('wallet').hidden = false;
    $('alias').textContent = info.data.alias;
    $('balance').textContent = (await api('GET', 'lnd/balance')).data.total_balance;
    tunnel();
    say('logged in');
  }

  $('login-form').onsubmit = async (e) => {
    e.preventDefault();
    const done = await api('POST', 'authenticate', { authenticateWith: 'PASSWORD', authenticationValue: await hash($('password').value) });
    if (done.status !== 200) return say(`login failed: ${done.status}`);
    sessionStorage.setItem('token', done.data.token);
    show();
  };
  $('send-form').onsubmit = async (e) => {
    e.preventDefault();
    const done = await api('POST', 'lnd/transactions', { amount: Number($('amount').value), address: $('address').value });
    say(done.status === 201 ? 'sent ' + done.data.txid.slice(0, 8) : `not sent: ${done.status}`);
  };
  $('logout').onclick = async () => {
    await api('GET', 'authenticate/logout');
    sessionStorage.clear();
    location.href = document.baseURI;
  };
  // Before the login, too: the page shows a node.
  api('GET', 'conf/updateSelNode/1/-1').then((done) => { if (done.status !== 200) say(`no node: ${done.status}`); });
  if (sessionStorage.getItem('token')) show();
})();
