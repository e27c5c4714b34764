// SPDX-License-Identifier: Apache-2.0
// The small wallet console: express + express-session behind a proxy, as many staff consoles are.
//
//   node app.js PORT DIR [--rolling] [--keep-id] [--idle=SECONDS]
//
// --rolling   every answer renews the cookie's expiry (express-session's option of that name)
// --keep-id   a login keeps the cookie of before (session fixation made easy)
// --idle=S    the session's and cookie's life, 3600 s unless told
'use strict';
const crypto = require('crypto');
const http = require('http');
const path = require('path');
const express = require('express');
const session = require('express-session');
const { WebSocketServer } = require('ws');
const pages = require('./pages.js');
const streams = require('./streams.js');
const texts = require('./texts.js');
const { watch } = require('../requestlog.js');

const [port, dir, ...options] = process.argv.slice(2);
const has = (name) => options.includes(name);
const idle = Number((options.find((o) => o.startsWith('--idle=')) || '--idle=3600').slice(7));
const passwords = { alice: 'alice-7-lanterns', bob: 'bob-9-anchors' };

const wallet = {
  balance: { BTC: 4502.9, ETH: 18250.25, JPY: 730000000 },
  addresses: [
    { label: 'Cold store 1', address: 'bc1qdemo0w4rfu000000000000000000000000c01d' },
    { label: 'Hot wallet', address: 'bc1qdemo0w4rfu00000000000000000000000000h0t' }],
  audit: []
};
const note = (req, what, user, detail) => wallet.audit.push({ time: new Date().toISOString(), what, user, detail,
  from: String(req.get('x-forwarded-for') || req.socket.remoteAddress) });

const app = express();
app.set('trust proxy', 'loopback');
app.disable('x-powered-by');
// express-session's own defaults: the cookie is connect.sid and comes before any login.
const sessions = session({ secret: crypto.randomBytes(32).toString('hex'), resave: false, saveUninitialized: true, rolling: has('--rolling'), cookie: { maxAge: idle * 1000, httpOnly: true, sameSite: 'lax' } });
app.get('/healthz', (req, res) => res.type('text/plain').send('ok\n'));
app.use('/static', express.static(path.join(__dirname, 'static')));
app.use('/open', streams);
app.use(sessions);

const form = express.urlencoded({ extended: false });
const json = express.json();
const wants = (req) => (req.accepts(['html', 'json']) === 'json' ? 'json' : 'html');

function known(req, res, next) {
  if (req.session.user) return next();
  if (req.originalUrl.startsWith('/api') || wants(req) === 'json') return res.status(401).json({ error: 'login needed' });
  res.redirect(303, '/login');
}

function right(user, password) {
  const wanted = crypto.createHash('sha256').update(passwords[user] || crypto.randomBytes(8)).digest();
  return crypto.timingSafeEqual(wanted, crypto.createHash('sha256').update(String(password)).digest());
}

app.get('/login', (req, res) => res.send(pages.login(texts.pick(req), false)));

function begin(req, user, done) {
  const start = (error) => {
    if (error) return done(error);
    req.session.user = user;
    req.session.csrf = crypto.randomBytes(16).toString('hex');
    req.session.save(done);
  };
  if (has('--keep-id')) start();
  else req.session.regenerate(start);
}

// The form's login and the API's: same names, other answers.
function login(req, res, next, good, bad) {
  const { username, password } = req.body || {};
  if (typeof username !== 'string' || !right(username, password)) {
    note(req, 'failed', '', '');
    return bad();
  }
  begin(req, username, (error) => {
    if (error) return next(error);
    note(req, 'login', username, '');
    good(username);
  });
}
app.post('/login', form, (req, res, next) => login(req, res, next, () => res.redirect(303, '/'),
  () => res.status(401).send(pages.login(texts.pick(req), true))));
app.post('/api/login', json, (req, res, next) => login(req, res, next, (user) => res.json({ ok: true, user }),
  () => res.status(401).json({ error: 'wrong' })));

app.post('/logout', (req, res) => {
  if (req.session.user) note(req, 'logout', req.session.user, '');
  req.session.destroy(() => {
    res.clearCookie('connect.sid');
    res.redirect(303, '/login');
  });
});

app.get('/', known, (req, res) => {
  const sent = /^[\w. ]{1,60}$/.test(req.query.sent || '') ? req.query.sent : '';
  res.send(pages.dashboard(texts.pick(req), req.session.user, wallet, req.session.csrf, sent));
});

// Returns a sentence on what is wrong, or null after the coins have gone.
function withdraw(req, { asset, amount, address }) {
  const sum = Number(amount);
  if (!Object.hasOwn(wallet.balance, asset) || !(sum > 0) || sum > wallet.balance[asset]) return 'asset or amount';
  if (typeof address !== 'string' || !/^[a-zA-Z0-9]{8,90}$/.test(address)) return 'address';
  wallet.balance[asset] -= sum;
  note(req, 'withdraw', req.session.user, `${sum} ${asset} → ${address}`);
  tell({ type: 'balance', balance: wallet.balance });
  return null;
}

app.post('/withdraw', known, form, (req, res) => {
  if ((req.body || {}).csrf !== req.session.csrf) return res.status(403).send('wrong form token');
  const wrong = withdraw(req, req.body);
  if (wrong) return res.status(400).send('wrong ' + wrong);
  res.redirect(303, '/?sent=' + encodeURIComponent(`${req.body.amount} ${req.body.asset}`));
});

app.use('/api', known);
app.get('/api/me', (req, res) => res.json({ user: req.session.user }));
app.get('/api/balance', (req, res) => res.json(wallet.balance));
app.get('/api/addresses', (req, res) => res.json(wallet.addresses));
app.get('/api/audit', (req, res) => res.json(wallet.audit));
app.post('/api/withdraw', json, (req, res) => {
  const wrong = withdraw(req, req.body || {});
  return wrong ? res.status(400).json({ error: 'wrong ' + wrong }) : res.status(201).json({ ok: true, balance: wallet.balance });
});
// The backend gives the running session a new cookie, as frameworks do after some time.
app.post('/api/rotate', (req, res, next) => {
  const { user, csrf } = req.session;
  req.session.regenerate((error) => {
    if (error) return next(error);
    Object.assign(req.session, { user, csrf });
    res.json({ rotated: true });
  });
});
app.use('/api', streams);

const server = http.createServer(app);
server.keepAliveTimeout = 75000;
server.requestTimeout = 0;
watch(server, path.join(dir, 'requests.jsonl'));

// /ws needs the session; it echoes, and tells of new balances.
const tunnels = new WebSocketServer({ noServer: true });
const tell = (news) => tunnels.clients.forEach((c) => c.send(JSON.stringify(news)));
server.on('upgrade', (req, socket, head) => {
  const refuse = (line) => socket.end(`HTTP/1.1 ${line}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
  const where = req.url.split('?')[0];
  if (where === '/open/ws') return tunnels.handleUpgrade(req, socket, head, echoAll);
  if (where !== '/ws') return refuse('404 Not Found');
  const res = new http.ServerResponse(req);
  sessions(req, res, () => {
    if (!req.session.user) return refuse('401 Unauthorized');
    tunnels.handleUpgrade(req, socket, head, echoAll);
  });
});

function echoAll(ws) {
  ws.on('message', (data, binary) => ws.send(data, { binary }));
  ws.on('error', () => ws.terminate());
}

server.listen(Number(port), '127.0.0.1', () => console.log(`ready on ${port}`));
