// SPDX-License-Identifier: Apache-2.0
// A stand-in for Ride The Lightning's server (see README.md and FACTS.md): node app.js PORT DIR
'use strict';
const crypto = require('crypto');
const http = require('http');
const path = require('path');
const cookies = require('cookie-parser');
const express = require('express');
const jwt = require('jsonwebtoken');
const session = require('express-session');
const { doubleCsrf } = require('csrf-csrf');
const { WebSocketServer } = require('ws');
const { watch } = require('../requestlog.js');

const [port, dir] = process.argv.slice(2);
const secret = crypto.randomBytes(64).toString('hex');
const sha256 = (text) => crypto.createHash('sha256').update(text).digest('hex');
let passwordHash = sha256('rtl-5-anvils');
const lockAfter = 5, lockFor = 30 * 60 * 1000, failures = new Map();
const node = { balance: 73500000, sent: [] };

const csrf = doubleCsrf({
  getSecret: () => secret,
  getSessionIdentifier: (req) => (req.session ? req.session.id : ''),
  cookieName: '_csrf',
  cookieOptions: { sameSite: 'strict', path: '/', secure: false, httpOnly: true },
  getCsrfTokenFromRequest: (req) => (req.body || {})._csrf || req.query._csrf ||
    ['csrf-token', 'xsrf-token', 'x-csrf-token', 'x-xsrf-token'].map((name) => req.get(name)).find(Boolean)
});

const app = express();
app.set('trust proxy', true);
app.use(session({ secret, saveUninitialized: true, resave: false, cookie: { secure: false, maxAge: 24 * 3600 * 1000 } }));
app.use(cookies(secret));
app.use(express.json({ limit: '25mb' }), express.urlencoded({ extended: false, limit: '25mb' }));
app.use((req, res, next) => {
  res.set({ 'Cache-Control': 'no-cache',
    'Access-Control-Allow-Headers': 'Origin, X-Requested-With, Content-Type, Accept, Authorization, filePath',
    'Access-Control-Allow-Methods': 'GET, POST, PATCH, PUT, DELETE, OPTIONS' });
  next();
});
app.use(csrf.doubleCsrfProtection);

// --- login and logout

const token = () => jwt.sign({ user: 'NODE_USER' }, secret);
const address = (req) => (req.get('x-forwarded-for') || '').split(',')[0] || req.ip;

function recordOf(req) {
  const from = address(req), now = Date.now();
  let record = failures.get(from);
  if (!record || now > record.last + lockFor) failures.set(from, (record = { count: 0, last: now }));
  return record;
}

function wrongPassword(res, record) {
  const locked = record.count >= lockAfter;
  const left = lockAfter - record.count;
  res.status(401).json(locked
    ? { message: 'Multiple Failed Login Attempts!', error: 'Locked for 30 minutes.' }
    : { message: 'Authentication Failed!', error: `Invalid password. ${left} more attempts before a lock.` });
}

const login = express.Router();
login.post('/', (req, res) => {
  const record = recordOf(req), value = (req.body || {}).authenticationValue;
  if (value !== passwordHash || record.count >= lockAfter) {
    if (value !== passwordHash) Object.assign(record, { count: record.count + 1, last: Date.now() });
    return wrongPassword(res, record);
  }
  failures.delete(address(req));
  req.session.node = 1; // the only thing that the cookie's session learns from a login
  res.status(200).json({ token: token() });
});
login.post('/reset', needToken, (req, res) => {
  const { currPassword, newPassword } = req.body || {};
  if (currPassword !== passwordHash) return res.status(401).json({ message: 'Password Reset Error', error: 'Old password is wrong.' });
  passwordHash = newPassword;
  res.status(200).json({ token: token() });
});
login.get('/logout', (req, res) => req.session.destroy(() => {
  res.clearCookie('connect.sid');
  res.status(200).json({ loggedout: true });
}));

function good(presented) {
  try {
    return Boolean(jwt.verify(presented, secret));
  } catch (e) {
    return false;
  }
}

function needToken(req, res, next) {
  if (good((req.get('authorization') || '').split(' ')[1])) return next();
  res.status(401).json({ message: 'Authentication Error', error: 'Please log in first.' });
}

// --- the node's API: made-up numbers, real status codes

const lnd = express.Router();
lnd.use(needToken);
lnd.get('/getinfo', (req, res) => res.json({ alias: 'stand-in', identity_pubkey: '02'.padEnd(66, 'ab'), synced_to_chain: true }));
lnd.get('/balance', (req, res) => res.json({ total_balance: node.balance, confirmed_balance: node.balance, unconfirmed_balance: 0 }));
lnd.get('/newaddress', (req, res) => res.json({ address: 'bcrt1q' + crypto.randomBytes(16).toString('hex') }));
lnd.get('/transactions', (req, res) => res.json(node.sent));
lnd.post('/transactions', (req, res) => {
  const { amount, address: to } = req.body || {};
  if (!(Number(amount) > 0) || typeof to !== 'string') return res.status(500).json({ message: 'Send Transaction Error', error: 'bad request' });
  node.balance -= Number(amount);
  node.sent.unshift({ amount: -Number(amount), dest_addresses: [to], tx_hash: crypto.randomBytes(32).toString('hex') });
  tunnels.clients.forEach((c) => c.send(JSON.stringify({ source: 'LND', data: { event: 'transaction', balance: node.balance } })));
  res.status(201).json({ txid: node.sent[0].tx_hash });
});

app.use('/rtl/api/authenticate', login);
app.get('/rtl/api/conf', (req, res) => res.json({ defaultNodeIndex: 1, nodes: [{ index: 1, lnNode: 'Node 1', lnImplementation: 'LND' }] }));
app.get('/rtl/api/conf/updateSelNode/:now/:before', (req, res) => res.json({ index: 1, lnNode: 'Node 1' }));
app.use('/rtl/api/lnd', lnd);
app.use('/rtl', express.static(path.join(__dirname, 'static'), { index: false }));
app.use((req, res) => {
  const value = req.csrfToken();
  res.cookie('XSRF-TOKEN', value);
  res.set('XSRF-TOKEN', value);
  res.sendFile(path.join(__dirname, 'static', 'index.html'));
});
app.use((error, req, res, next) => {
  if (error.code !== 'EBADCSRFTOKEN') return res.status(400).json({ error: String(error.code || error.type || 'bad') });
  res.cookie('XSRF-TOKEN', csrf.generateCsrfToken(req, res, { overwrite: true }));
  res.status(403).send('Invalid CSRF token.');
});

// --- the tunnel: the token is the first subprotocol

const server = http.createServer(app);
watch(server, path.join(dir, 'requests.jsonl'));
const tunnels = new WebSocketServer({ noServer: true, path: '/rtl/api/ws' });
server.on('upgrade', (req, socket, head) => {
  if (req.headers.upgrade !== 'websocket') return socket.end('HTTP/1.1 400 Bad Request');
  const [first] = (req.headers['sec-websocket-protocol'] || '').split(',').map((s) => s.trim());
  if (!tunnels.shouldHandle(req) || !good(first)) {
    return socket.end('HTTP/1.1 401 Unauthorized\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
  }
  tunnels.handleUpgrade(req, socket, head, (ws) => {
    ws.on('message', (data, binary) => ws.send(data, { binary }));
    ws.on('error', () => ws.terminate());
  });
});

server.listen(Number(port), '127.0.0.1', () => console.log(`ready on ${port}`));
