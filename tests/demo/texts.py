# SPDX-License-Identifier: Apache-2.0
"""Every sentence of the demo: key: (English, Japanese)."""

TEXTS = {
    # --- the stage
    "title": ("warifu demo: one stolen cookie", "warifu デモ: 盗まれた 1 つの Cookie"),
    "intro": (
        "A small wallet console stands behind warifu. You will see an employee log in, her session cookie stolen, and what the thief "
        "gets with it. Everything is real (browsers, TLS, cookies, log) and everything runs on this machine: addresses abroad are only "
        "claimed, in PROXY protocol headers on the loopback interface, as a load balancer would.",
        "小さなウォレット管理コンソールを warifu の後ろで動かしています。従業員がログインし、そのセッション Cookie が盗まれ、窃取者がそれで何を得られるかを"
        "順に示します。ブラウザー、TLS、Cookie、ログはすべて本物で、すべてこのマシンの中だけで動きます。国外のアドレスは、ロードバランサーと同じ"
        "PROXY プロトコルのヘッダーで、ループバック上で名乗っているだけです。"),
    "console": ("Console", "コンソール"),
    "geo": ("Geo data", "地理データ"),
    "geo-real": ("real: countries by the NRO and DB-IP, networks by RouteViews (build/geodata; credits in its geodata-attribution.md)",
                 "実データ: 国は NRO と DB-IP、ネットワークは RouteViews(build/geodata、出典は geodata-attribution.md)"),
    "geo-made": ("made up, a few networks only: the real files could not be fetched (`make geodata` says why)",
                 "架空の小さなデータ(実データを取得できませんでした。理由は `make geodata` で確認できます)"),
    "geo-odd": ("made up, a few networks only: the real files know the demo's addresses otherwise by now",
                "架空の小さなデータ(実データではデモのアドレスの所在が変わっています)"),
    "no-browser": ("no Chromium here: a Python program stands in for Alice's browser",
                   "Chromium がないため、Alice のブラウザーの代わりに Python のプログラムを使います"),
    # --- the login
    "login-title": ("1. Alice logs in", "1. Alice のログイン"),
    "login": (
        "Alice works in treasury operations. She logs in from the Tokyo office with her password. warifu binds the session cookie to her "
        "device and place, and stores that durably, before the cookie reaches her browser.",
        "Alice は資金管理の担当者です。東京のオフィスから、パスワードでログインします。warifu は Cookie がブラウザーに届く前に、"
        "セッションを端末と場所に結び付け、ディスクに確実に保存します。"),
    "bound-device": ("Bound device", "登録した端末"),
    "bound-place": ("Bound place", "登録した場所"),
    "in-log": ("In the log", "ログの記録"),
    "record": ("record {n}", "記録 {n}"),
    "records": ("records {n}", "記録 {n}"),
    "session": ("session {id}", "セッション {id}"),
    "alice-works": ("She reads her balances and sends 0.5 BTC to a customer: both allowed.",
                    "残高を確認し、顧客へ 0.5 BTC を送金します。どちらも許可されます。"),
    # --- the theft
    "theft-title": ("2. The cookie is stolen", "2. Cookie の窃取"),
    "theft": (
        "Malware on her machine copies the cookie: {cookie}... and nothing else is needed. As in the DMM Bitcoin case of 2024, neither "
        "password nor second factor will ever be asked for.",
        "端末に侵入したマルウェアが Cookie をコピーします({cookie}...)。必要なのはこれだけです。2024 年の DMM Bitcoin の事件と同じく、"
        "パスワードも二要素認証も求められません。"),
    "without": ("Without warifu", "warifu なし"),
    "without-result": ("the same cookie, sent straight to the console: {status}, it answers as if the thief were Alice ({user}).",
                       "同じ Cookie をコンソールへ直接送ると {status}。窃取者を本人({user})として扱います。"),
    # --- the attempts
    "try-title": ("3. The thief tries, through warifu", "3. warifu を通した攻撃"),
    "try": ("Each time he first reads the console's page, then sends 40 BTC to himself. The bytes are counted at the console itself.",
            "毎回、まずコンソールの画面を読み、次に 40 BTC を自分宛てに送金しようとします。バイト数はコンソール側で数えています。"),
    "attempt": ("Attempt {n}: {what}", "試行 {n}: {what}"),
    "a-curl": ("curl, from Alice's own office", "curl、Alice と同じオフィスから"),
    "a-curl-has": ("the cookie, her exact User-Agent, an address of her office", "Cookie、同一の User-Agent、オフィスのアドレス"),
    "a-python": ("a Python script, from a hosting provider in Russia", "Python スクリプト、ロシアのホスティング事業者から"),
    "a-python-has": ("the cookie, her exact User-Agent", "Cookie、同一の User-Agent"),
    "a-firefox": ("another browser (Firefox), from Alice's own office", "別のブラウザー(Firefox)、Alice と同じオフィスから"),
    "a-firefox-has": ("the cookie, her exact User-Agent, an address of her office", "Cookie、同一の User-Agent、オフィスのアドレス"),
    "a-abroad": ("the same program as Alice's, from North Korea", "Alice と同じプログラム、北朝鮮から"),
    "a-abroad-has": ("the cookie, the very same program and version", "Cookie、プログラムも版も同一"),
    "a-mobile": ("the same program, from a mobile network in Japan", "同じプログラム、日本の携帯電話網から"),
    "a-mobile-has": ("the cookie, the same program and version, the same country", "Cookie、プログラムも版も国も同一"),
    "a-same": ("the same program, from Alice's own office", "同じプログラム、Alice と同じオフィスから"),
    "a-same-has": ("the cookie, the same program and version, an address of her office", "Cookie、プログラムも版もオフィスのアドレスも同一"),
    "thief-has": ("The thief has", "窃取者の手元"),
    "decided": ("Decided by", "判定の根拠"),
    "nothing": ("nothing differs from Alice's login", "ログイン時との違いなし"),
    "s-curl": ("curl, her office", "curl、同じオフィス"),
    "s-python": ("Python, Russia", "Python、ロシア"),
    "s-firefox": ("Firefox, her office", "Firefox、同じオフィス"),
    "s-abroad": ("same program, North Korea", "同じプログラム、北朝鮮"),
    "s-mobile": ("same program, mobile in Japan", "同じプログラム、国内の携帯"),
    "s-same": ("same program, her office", "同じプログラム、同じオフィス"),
    "s-revoked": ("the same, after `session revoke`", "同上、`session revoke` 後"),
    "h-asks": ("he asks", "要求"),
    "h-verdict": ("warifu", "warifu の判定"),
    "h-rules": ("rules", "ルール"),
    "h-status": ("he gets", "応答"),
    "h-bytes": ("at console", "到達量"),
    "h-record": ("record", "記録番号"),
    "h-who": ("attempt", "試行"),
    "h-read": ("page", "閲覧"),
    "h-send": ("40 BTC", "送金"),
    "bytes": ("{n} bytes", "{n} バイト"),
    "mobile-note": (
        "Reading from a new Japanese network is allowed and marked: people do move from Wi-Fi to a phone. Sending is not.",
        "国内の新しいネットワークからの閲覧は、印を付けて許可します(Wi-Fi から携帯回線への移動は日常的なため)。送金は許可しません。"),
    "same-note": (
        "This is what this release does NOT see: with the same program, version and office address nothing on the wire differs from Alice, "
        "and 40 BTC are gone. Keys kept in the device (planned) answer that; until then such a session can be ended, as in chapter 5.",
        "これは本リリースでは検出できません。プログラム、版、オフィスのアドレスがすべて同じなら、通信上に Alice との違いはなく、"
        "40 BTC は失われます。端末に保持する鍵(今後の機能)で対処します。それまでは、5 のようにセッションを終了させます。"),
    # --- own login
    "own-title": ("4. The thief logs in himself", "4. 窃取者自身のログイン"),
    "own": ("From abroad, the stolen cookie still in his hands: first he guesses Alice's password, then he uses an account of his own (bob).",
            "国外から、盗んだ Cookie を持ったまま、まず Alice のパスワードを推測し、次に自分のアカウント(bob)を使います。"),
    "own-guess": ("guessed password", "推測したパスワード"),
    "own-guess-got": ("{status} from the console; the stolen cookie is worth no more than before", "コンソールが {status} を返し、盗んだ Cookie の価値は変わりません"),
    "own-account": ("his own account", "自分のアカウント"),
    "own-account-got": ("logged in as {user}, with bob's rights, in a session of its own", "{user} として、bob の権限の別セッションでログイン"),
    "own-stolen": ("the stolen cookie", "盗んだ Cookie"),
    "own-stolen-got": ("still {verdict} ({rules}), 0 bytes at the console", "変わらず {verdict}({rules})、コンソール到達 0 バイト"),
    # --- alice meanwhile
    "alice": ("Alice meanwhile", "その間の Alice"),
    "alice-count": ("{n} requests of hers between the attempts: all allow, no extra redirect, no question; a withdrawal of 0.25 BTC accepted",
                    "試行の合間のリクエスト {n} 件: すべて allow、余分なリダイレクトも再確認もなし。0.25 BTC の送金も成功"),
    # --- revoke
    "revoke-title": ("5. The administrator ends the session", "5. 管理者によるセッションの終了"),
    "revoke": ("The log and the console show a withdrawal of 40 BTC that Alice does not know. One command ends her sessions, open streams included:",
               "ログとコンソールに、Alice の知らない 40 BTC の送金があります。管理者はコマンド 1 つで彼女のセッションを終了させます(接続中の通信も切断されます)。"),
    "revoke-thief": ("The thief", "窃取者"),
    "revoke-thief-got": ("the program that got through before: {verdict} ({reason}), {status}, {bytes} bytes at the console",
                         "先ほど成功したプログラム: {verdict}({reason})、{status}、コンソール到達 {bytes} バイト"),
    "revoke-alice": ("Alice", "Alice"),
    "revoke-alice-got": ("is told so, logs in again, and works on", "説明のページを見て、再ログインし、業務を続けます"),
    # --- the end
    "sum-title": ("What came of it", "結果のまとめ"),
    "verify-title": ("6. The log", "6. ログの検証"),
    "verify": ("Every decision above stands in a hash-chained log. An auditor checks it offline, against a head kept elsewhere:",
               "以上の判定はすべてハッシュチェーンのログに残っています。監査人は、別に保管した先頭値と照合してオフラインで検証できます。"),
    "tampered": ("And if somebody who can write to the disk makes record {n}, the theft, look harmless? In a copy, \"/withdraw\" becomes \"/balances\":",
                 "ディスクに書き込める者が、窃取の記録 {n} を無害に見せかけたら? コピーの中で「/withdraw」を「/balances」に書き換えると:"),
    "pictures": ("What they saw: {alice} (Alice), {thief} (the thief in attempt {n}).",
                 "それぞれの画面: {alice}(Alice)、{thief}(試行 {n} の窃取者)"),
    "look-title": ("See for yourself", "ご自身でお試しください"),
    "look-open": ("Open the console and log in as alice / alice-7-lanterns:", "コンソールを開き、alice / alice-7-lanterns でログインしてください。"),
    "look-abroad": ("Then, in the same browser, open this door. It leads to the same console with the same cookie, but as if you sat in North Korea:",
                    "次に、同じブラウザーで下の入口を開いてください。同じ Cookie のまま、北朝鮮からの接続として同じコンソールへ届きます。"),
    "look-curl": ("Or copy the cookie {cookie} from the browser (F12, Storage) and be the thief:",
                  "または、ブラウザー(F12 → ストレージ)で Cookie {cookie} をコピーし、窃取者になってください。"),
    "look-log": ("What warifu recorded, one line a request; with -v everything that was seen:", "warifu の記録(1 リクエスト 1 行、-v ですべての項目):"),
    "look-session": ("Sessions, and how to end them:", "セッションの一覧と終了:"),
    "look-ca": (
        "The browser will warn: the certificate comes from a throw-away CA made a moment ago. Proceed past the warning (\"Advanced\"), or "
        "trust {ca} for the time being; its key lies beside it, so remove it afterwards. Over SSH: ssh -L {port}:127.0.0.1:{port} "
        "-L {abroad}:127.0.0.1:{abroad} HOST, then the same addresses.",
        "証明書はこのデモ用の使い捨て認証局のものなので、ブラウザーが警告します。「詳細設定」から進むか、{ca} を一時的に信頼してください"
        "(鍵が隣にあるため、後で必ず削除してください)。SSH 経由なら ssh -L {port}:127.0.0.1:{port} -L {abroad}:127.0.0.1:{abroad} HOST の後、同じアドレスです。"),
    "stop": ("Running. Ctrl-C ends it.", "動作中です。Ctrl-C で終了します。"),
    "stopped": ("stopped; what remains is in {folder}", "終了しました。ファイルは {folder} に残っています"),
    "all-true": ("{n} checks, everything came out as told.", "{n} 項目を確認し、すべて説明のとおりでした。"),
    "some-false": ("{faults} of {n} checks came out otherwise than told:", "{n} 項目のうち {faults} 項目が説明と異なりました:"),
    "not-so": ("not as told:", "説明と異なる結果:"),
    "broken": ("The demo broke off: {why}", "デモが中断しました: {why}"),
    "busy": ("another demo is running here (build/demo/lock)", "別のデモが実行中です(build/demo/lock)"),
}
