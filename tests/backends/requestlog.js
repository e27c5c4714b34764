// SPDX-License-Identifier: Apache-2.0
// Writes what reaches a backend to DIR/requests.jsonl: a line with the head of each request
// when it arrives, one with the number of body bytes when its body ends or breaks off.
'use strict';
const fs = require('fs');

function watch(server, file) {
  const out = fs.openSync(file, 'a');
  let count = 0;
  const write = (line) => fs.writeSync(out, JSON.stringify(line) + '\n');

  function head(req, upgrade) {
    const id = ++count;
    const pairs = [];
    let size = req.method.length + req.url.length + 'HTTP/1.1'.length + 4 + 2;
    for (let i = 0; i < req.rawHeaders.length; i += 2) {
      pairs.push([req.rawHeaders[i], req.rawHeaders[i + 1]]);
      size += req.rawHeaders[i].length + req.rawHeaders[i + 1].length + 4;
    }
    write({ id, event: 'head', method: req.method, path: req.url, version: req.httpVersion, head: size,
      headers: pairs, upgrade, peer: req.socket.remotePort });
    return id;
  }

  server.prependListener('request', (req) => {
    const id = head(req, false);
    let bytes = 0;
    const push = req.push;
    // Counted where the parser hands the bytes over: a listener would start the flow.
    req.push = function (chunk, ...more) {
      if (chunk) bytes += chunk.length;
      return push.call(this, chunk, ...more);
    };
    req.once('close', () => write({ id, event: 'body', bytes, complete: req.complete }));
  });
  server.prependListener('upgrade', (req) => head(req, true));
  return write;
}

module.exports = { watch };
