// SPDX-License-Identifier: Apache-2.0
// Every sentence of the small wallet console, in both languages.
'use strict';

const en = {
  title: 'Small Wallet Console', user: 'User', password: 'Password', login: 'Log in', logout: 'Log out',
  failed: 'User or password is wrong.', welcome: 'Signed in as', balance: 'Balance', addresses: 'Receiving addresses',
  withdraw: 'Withdraw', asset: 'Asset', amount: 'Amount', to: 'To address', send: 'Send', history: 'Audit trail',
  time: 'Time', what: 'Event', detail: 'Detail', from: 'From', sent: 'Withdrawal accepted', live: 'Live',
  offline: 'disconnected', demo: 'A demonstration console. No real coins anywhere.', label: 'Label', address: 'Address',
  other: '日本語', otherCode: 'ja', e_login: 'login', e_logout: 'logout', e_failed: 'failed login', e_withdraw: 'withdrawal'
};
const ja = {
  title: '小さなウォレット管理画面', user: 'ユーザー名', password: 'パスワード', login: 'ログイン', logout: 'ログアウト',
  failed: 'ユーザー名またはパスワードが違います。', welcome: 'ログイン中:', balance: '残高', addresses: '受取アドレス',
  withdraw: '出金', asset: '通貨', amount: '数量', to: '送金先アドレス', send: '送金する', history: '操作履歴',
  time: '時刻', what: '操作', detail: '詳細', from: '接続元', sent: '出金を受け付けました', live: '接続中',
  offline: '切断', demo: 'デモ用の画面です。本物の暗号資産はありません。', label: '名前', address: 'アドレス',
  other: 'English', otherCode: 'en', e_login: 'ログイン', e_logout: 'ログアウト', e_failed: 'ログイン失敗', e_withdraw: '出金'
};

// ?lang= beats Accept-Language; the first of the browser's languages that we have wins.
function pick(req) {
  const asked = String(req.query.lang || '');
  const code = asked === 'ja' || asked === 'en' ? asked : req.acceptsLanguages('en', 'ja') || 'en';
  return Object.assign({ code }, code === 'ja' ? ja : en);
}

module.exports = { pick };
