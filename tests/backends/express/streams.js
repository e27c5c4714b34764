// SPDX-License-Identifier: Apache-2.0
// Routes that exercise a proxy: big bodies both ways, chunked, trailers, events, delays.
'use strict';
const crypto = require('crypto');
const express = require('express');

const BLOCK = Buffer.alloc(65536, 'warifu-0123456789\n');

// N bytes of a known pattern, as fast as the other side takes them.
function send(res, size) {
  let left = size;
  const more = () => {
    while (left > 0) {
      const part = left >= BLOCK.length ? BLOCK : BLOCK.subarray(0, left);
      left -= part.length;
      if (!res.write(part)) return void res.once('drain', more);
    }
    res.end();
  };
  more();
}

function download(req, res) {
  const size = Number(req.query.bytes || 0);
  res.type('application/octet-stream');
  if (!('chunked' in req.query)) res.set('Content-Length', String(size));
  send(res, size);
}

// Answers with count and hash of what came; ?pause=MS stops reading for that long first.
function upload(req, res) {
  const hash = crypto.createHash('sha256');
  let bytes = 0;
  const read = () => req.on('data', (part) => { bytes += part.length; hash.update(part); });
  req.on('end', () => res.json({ bytes, sha256: hash.digest('hex'), trailers: req.trailers }));
  setTimeout(read, Number(req.query.pause || 0));
}

// What comes goes back at once, chunk by chunk, with a trailer of its own.
function echo(req, res) {
  res.set('Trailer', 'X-Count');
  let bytes = 0;
  req.on('data', (part) => { bytes += part.length; res.write(part); });
  req.on('end', () => { res.addTrailers({ 'X-Count': String(bytes) }); res.end(); });
}

function events(req, res) {
  const every = Number(req.query.every || 200), count = Number(req.query.count || 0);
  res.set({ 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' });
  res.flushHeaders();
  let n = 0;
  const timer = setInterval(() => {
    res.write(`data: {"n": ${++n}}\n\n`);
    if (n === count) { clearInterval(timer); res.end(); }
  }, every);
  res.on('close', () => clearInterval(timer));
}

const router = express.Router();
router.get('/download', download);
router.post('/upload', upload);
router.post('/echo', echo);
router.get('/events', events);
router.get('/slow', (req, res) => setTimeout(() => res.json({ waited: true }), Number(req.query.ms || 1000)));
router.all('/mirror', (req, res) => res.json({ method: req.method, url: req.originalUrl, headers: req.rawHeaders }));

module.exports = router;
