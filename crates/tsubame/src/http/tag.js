// Tsubame's own tag: what visitors do in the shop, to the shop's own server. It speaks the batch format of Segment, calls no third party
// and needs no library. As the shop's pages carry it:
//
//   <script async src="https://HOST/t.js" data-key="WRITE KEY"></script>
//   <script>(window.tsubame = window.tsubame || []).push(["track", "Product Viewed", { product_id: "P-1", price: 1200 }])</script>
//
// Attributes: data-key, data-host (if not where this file came from), data-consent="required" (nothing is kept or sent before
// tsubame.push(["consent", true])), data-page="off" (no page view of its own) or "spa" (one more for each pushState), data-domain (of the
// cookie). A click on an element with data-tsubame-event="Name" is an event; its other data-tsubame-* attributes are properties.
(function () {
  "use strict";
  var script = document.currentScript || document.querySelector("script[src*='/t.js'][data-key]");
  var queue = window.tsubame;
  if (!script || (queue && queue.loaded)) return;

  var KEY = script.getAttribute("data-key") || "";
  var HOST = (script.getAttribute("data-host") || new URL(script.src).origin).replace(/\/+$/, "");
  var PAGES = script.getAttribute("data-page") || "on";
  var DOMAIN = script.getAttribute("data-domain");
  var YEAR = 31536000, SESSION = 1800;
  var KEPT = 2000, BATCH = 50, BEACON_BYTES = 60000, WAIT_MIN = 1000, WAIT_MAX = 60000;

  var pending = [], flying = [], held = [], failures = 0, timer = 0, memory = {};
  var userId = null, traits = {}, lastUrl = "";

  // Storage. A browser may refuse any of it: then a visit is known while its page is open.

  function cookie(name) {
    var found = document.cookie.match("(?:^|; )" + name + "=([^;]*)");
    if (!found) return memory[name];
    try { return decodeURIComponent(found[1]); } catch (_) { return undefined; }
  }

  function setCookie(name, value, seconds) {
    memory[name] = seconds > 0 ? value : undefined;
    document.cookie = name + "=" + encodeURIComponent(value) + "; Path=/; SameSite=Lax; Max-Age=" + seconds +
      (DOMAIN ? "; Domain=" + DOMAIN : "") + (location.protocol === "https:" ? "; Secure" : "");
  }

  function stored(name) {
    try { return JSON.parse(localStorage.getItem(name)); } catch (_) { return null; }
  }

  function store(name, value) {
    try {
      if (value === null) localStorage.removeItem(name);
      else localStorage.setItem(name, JSON.stringify(value));
    } catch (_) { /* It is lost with the page. */ }
  }

  function id() {
    if (window.crypto && crypto.randomUUID) return crypto.randomUUID();
    var bytes = crypto.getRandomValues(new Uint8Array(16));
    return Array.prototype.map.call(bytes, function (byte) { return ("0" + byte.toString(16)).slice(-2); }).join("");
  }

  // Consent. What the visitor said here counts before what the browser says for all sites, and that before what the shop asks for.

  function allowed() {
    var said = cookie("tsb_consent");
    if (said === "1" || said === "0") return said === "1";
    if (navigator.globalPrivacyControl) return false;
    return script.getAttribute("data-consent") === "required" ? null : true;
  }

  function consent(given) {
    setCookie("tsb_consent", given ? "1" : "0", YEAR);
    if (given) {
      start();
      held.splice(0).forEach(function (made) { made(); });
    } else {
      forget();
    }
  }

  function forget() {
    pending = []; held = [];
    ["tsb_aid", "tsb_sid", "tsb_from"].forEach(function (name) { setCookie(name, "", 0); });
    ["tsb_user", "tsb_queue"].forEach(function (name) { store(name, null); });
    userId = null; traits = {};
  }

  // Runs now, later, or never, as the visitor wishes. The time of an event is when it happened.
  function when(made) {
    var may = allowed();
    if (may) made();
    else if (may === null && held.length < KEPT) held.push(made);
  }

  function start() {
    var user = stored("tsb_user");
    if (user && !userId) { userId = user.id; traits = user.traits || {}; }
    var unsent = stored("tsb_queue");
    if (unsent) { store("tsb_queue", null); pending = unsent.concat(pending).slice(-KEPT); soon(0); }
  }

  // Who and where.

  function anonymousId() {
    var known = cookie("tsb_aid") || id();
    setCookie("tsb_aid", known, YEAR);
    return known;
  }

  function sessionId() {
    var known = cookie("tsb_sid") || id();
    setCookie("tsb_sid", known, SESSION);
    return known;
  }

  // By which link this visit began; kept as long as its session.
  function campaign(search) {
    var now = {}, any = false;
    new URLSearchParams(search).forEach(function (value, name) {
      var is = /^(utm_(source|medium|campaign|term|content)|gclid|fbclid|yclid|tsb_m)$/.exec(name);
      if (!is || !value) return;
      now[name === "utm_campaign" ? "name" : name.replace("utm_", "")] = value.slice(0, 500);
      any = true;
    });
    if (!any) {
      try { now = JSON.parse(cookie("tsb_from") || "null"); } catch (_) { now = null; }
    }
    if (now) setCookie("tsb_from", JSON.stringify(Object.assign({}, now, { tsb_m: undefined })), SESSION);
    return now || undefined;
  }

  // Taken when the event happens: the address may have changed when it is allowed.
  function here() {
    return { url: location.href, path: location.pathname, search: location.search, referrer: document.referrer, title: document.title };
  }

  function send(type, fields, done) {
    var at = new Date().toISOString(), page = here();
    when(function () {
      var context = {
        page: page,
        locale: navigator.language,
        sessionId: sessionId(),
        campaign: campaign(page.search),
        library: { name: "tsubame.js", version: "1" }
      };
      if (type !== "identify" && Object.keys(traits).length) context.traits = traits;
      var event = Object.assign({
        type: type, messageId: id(), anonymousId: anonymousId(), userId: userId || undefined, timestamp: at, context: context
      }, fields);
      pending.push(event);
      pending = pending.slice(-KEPT);
      soon(document.visibilityState === "hidden" ? 0 : 100);
      if (typeof done === "function") done();
    });
  }

  // Transport. An event stays here until the server has it; the same one sent twice counts once there.

  function soon(wait) {
    if (!timer) timer = setTimeout(function () { timer = 0; flush(); }, wait);
  }

  function body(events) {
    return JSON.stringify({ writeKey: KEY, batch: events, sentAt: new Date().toISOString() });
  }

  function flush() {
    if (flying.length || !pending.length) return;
    flying = pending.splice(0, BATCH);
    var text = body(flying);
    // Plain text asks no preflight. No keepalive: browsers let a page have 64 kB of it, and what is on its way when the page goes is sent
    // again by the next.
    fetch(HOST + "/v1/batch", {
      method: "POST", body: text, headers: { "Content-Type": "text/plain" }, credentials: "omit"
    }).then(function (reply) {
      // What the server cannot read it will not read later either.
      if (reply.ok || (reply.status < 500 && reply.status !== 429 && reply.status !== 408)) return landed();
      later(1000 * parseInt(reply.headers.get("Retry-After"), 10));
    }, function () { later(0); });
  }

  function landed() {
    flying = []; failures = 0;
    if (pending.length) soon(0);
  }

  function later(asked) {
    // The visitor may have taken their word back meanwhile.
    pending = allowed() ? flying.concat(pending).slice(-KEPT) : [];
    flying = [];
    var backoff = Math.min(WAIT_MAX, WAIT_MIN * Math.pow(2, failures++));
    soon(Math.max(asked || 0, backoff * (0.5 + Math.random() / 2)));
  }

  // The page goes: what is not on its way goes as beacons, and what they do not take waits for the next page.
  function leave() {
    while (pending.length && navigator.sendBeacon) {
      var some = pending.slice(0, BATCH);
      while (some.length > 1 && body(some).length > BEACON_BYTES) some = some.slice(0, some.length >> 1);
      var blob = new Blob([body(some)], { type: "text/plain" });
      if (!navigator.sendBeacon(HOST + "/beacon/v1/batch?writeKey=" + encodeURIComponent(KEY), blob)) break;
      pending.splice(0, some.length);
    }
    var left = flying.concat(pending);
    if (left.length && allowed()) store("tsb_queue", left.slice(-KEPT));
  }

  // The methods of analytics.js.

  function plain(value) { return value && typeof value === "object" ? value : {}; }

  function last(args) {
    var end = args[args.length - 1];
    return typeof end === "function" ? end : undefined;
  }

  var methods = {
    track: function (name, properties) {
      send("track", { event: String(name), properties: plain(properties) }, last(arguments));
    },
    page: function (category, name, properties) {
      if (typeof category === "object") { properties = category; category = name = undefined; }
      else if (typeof name !== "string") { properties = name; name = category; category = undefined; }
      lastUrl = location.href;
      send("page", { name: name, category: category, properties: Object.assign(here(), plain(properties)) }, last(arguments));
    },
    identify: function (who, more) {
      if (typeof who === "object") { more = who; who = undefined; }
      var done = last(arguments);
      when(function () {
        if (who !== undefined && who !== null && String(who) !== userId) { userId = String(who); traits = {}; }
        traits = Object.assign({}, traits, plain(more));
        store("tsb_user", { id: userId, traits: {} });
        send("identify", { traits: traits }, done);
      });
    },
    alias: function (who, before) {
      when(function () {
        var previous = typeof before === "string" ? before : userId || anonymousId();
        send("alias", { previousId: previous, userId: String(who) });
        userId = String(who);
        store("tsb_user", { id: userId, traits: {} });
      });
    },
    group: function (group, more) {
      send("group", { groupId: String(group), traits: plain(more) }, last(arguments));
    },
    reset: function () {
      userId = null; traits = {};
      store("tsb_user", null);
      ["tsb_aid", "tsb_sid", "tsb_from"].forEach(function (name) { setCookie(name, "", 0); });
    },
    ready: function (done) { if (typeof done === "function") done(); },
    consent: function (given) { consent(given === true); }
  };

  function push() {
    Array.prototype.forEach.call(arguments, function (call) {
      if (typeof call === "function") return call(window.tsubame);
      var method = call && methods[call[0]];
      if (method) method.apply(null, Array.prototype.slice.call(call, 1));
    });
  }

  document.addEventListener("click", function (click) {
    var element = click.target && click.target.closest && click.target.closest("[data-tsubame-event]");
    if (!element) return;
    var properties = {};
    Array.prototype.forEach.call(element.attributes, function (attribute) {
      var is = /^data-tsubame-(.+)$/.exec(attribute.name);
      if (!is || is[1] === "event") return;
      var name = is[1].replace(/-/g, "_");
      var isNumber = /^(price|quantity|value|position)$/.test(name) && /^-?\d+(\.\d+)?$/.test(attribute.value);
      properties[name] = isNumber ? Number(attribute.value) : attribute.value;
    });
    methods.track(element.getAttribute("data-tsubame-event"), properties);
  }, true);

  window.addEventListener("pagehide", leave);
  document.addEventListener("visibilitychange", function () { if (document.visibilityState === "hidden") leave(); });
  window.addEventListener("online", function () { soon(0); });

  if (PAGES === "spa") {
    var pushState = history.pushState;
    var moved = function () { if (location.href !== lastUrl) methods.page(); };
    history.pushState = function () { pushState.apply(history, arguments); moved(); };
    window.addEventListener("popstate", moved);
  }

  window.tsubame = Object.assign({ loaded: true, push: push }, methods);
  // A word about consent counts for what was said before it too.
  var calls = Array.isArray(queue) ? queue : [], isConsent = function (call) { return call && call[0] === "consent"; };
  push.apply(null, calls.filter(isConsent));
  if (allowed()) start();
  if (PAGES !== "off") methods.page();
  push.apply(null, calls.filter(function (call) { return !isConsent(call); }));
})();
