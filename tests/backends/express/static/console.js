// SPDX-License-Identifier: Apache-2.0
// Keeps the light beside the user's name green while the WebSocket stands, balances fresh.
'use strict';
(() => {
  const live = document.getElementById('live');
  if (!live) return;
  const dot = document.getElementById('dot');
  window.tunnels = { opened: 0, closed: 0 };
  function show(on) {
    dot.className = on ? 'on' : '';
    live.textContent = on ? live.dataset.on : live.dataset.off;
  }
  function connect() {
    const ws = new WebSocket(location.origin.replace(/^http/, 'ws') + '/ws');
    window.socket = ws;
    ws.onopen = () => { window.tunnels.opened++; show(true); };
    ws.onclose = () => { window.tunnels.closed++; show(false); setTimeout(connect, 2000); };
    ws.onmessage = (message) => {
      const news = JSON.parse(message.data);
      if (news.type !== 'balance') return;
      for (const b of document.querySelectorAll('.sum')) {
        const amount = news.balance[b.dataset.asset];
        b.textContent = amount.toLocaleString('en-US',
          { minimumFractionDigits: b.dataset.asset === 'JPY' ? 0 : 4, maximumFractionDigits: 8 });
      }
    };
  }
  connect();
})();
