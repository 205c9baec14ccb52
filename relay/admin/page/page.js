"use strict";
// The page is whole without this script. With it, numbers are asked for once a second
// while the page can be seen, two graphs are drawn, and buttons appear.

const $ = (id) => document.getElementById(id);
const period = 1000, kept = 121, listed = 12;

function el(tag, props = {}, ...inside) {
  const e = Object.assign(document.createElement(tag), props);
  e.append(...inside);
  return e;
}

// set changes a text only if it is another, so that selections and screen readers are
// left in peace.
function set(e, text) {
  text = String(text);
  if (e.textContent !== text) e.textContent = text;
}

function size(n) {
  if (n < 999.5) return Math.round(n) + " B";
  let i = -1;
  while (n >= 999.5 && i < 5) { n /= 1000; i++; }
  return n.toFixed(n >= 99.95 ? 0 : 1) + " " + "kMGTPE"[i] + "B";
}
const count = (n) => Math.round(n).toLocaleString("en");
function age(s) {
  if (s < 60) return Math.floor(s) + " s";
  if (s < 3600) return Math.floor(s / 60) + " min";
  if (s < 86400) return Math.floor(s / 3600) + " h " + Math.floor(s % 3600 / 60) + " min";
  return Math.floor(s / 86400) + " d " + Math.floor(s % 86400 / 3600) + " h";
}

// rows keeps one child for each item, found again by its key, in order. Children are
// changed in place: what has the focus keeps it.
function rows(parent, items, key, make, update) {
  const old = new Map();
  for (const c of [...parent.children]) {
    if (c.live) old.set(c.live, c); else c.remove();
  }
  let at = null;
  for (const item of items) {
    const k = key(item);
    let row = old.get(k);
    if (row) old.delete(k); else { row = make(item); row.live = k; }
    const next = at ? at.nextSibling : parent.firstChild;
    if (row !== next) parent.insertBefore(row, next);
    update(row, item);
    at = row;
  }
  for (const c of old.values()) c.remove();
}

// cells makes a table row: [label, class] for each cell, the first one being its head.
function cells(columns) {
  const tr = el("tr");
  columns.forEach(([label, kind], i) => {
    const c = el(i ? "td" : "th", { className: kind || "" });
    if (i) { if (label) c.dataset.label = label; } else c.scope = "row";
    tr.append(c);
  });
  return tr;
}
function fill(tr, values) { values.forEach((v, i) => set(tr.children[i], v)); }

// ── asking and telling ────────────────────────────────────────────────────────

let token = sessionStorage.getItem("relay-token") || "";

async function get(path) {
  const r = await fetch(path, { headers: token ? { Authorization: "Bearer " + token } : {} });
  if (!r.ok) throw new Error((await r.json()).error);
  return r.json();
}

function askToken() {
  const dialog = $("ask");
  $("token").value = "";
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((done) => dialog.addEventListener("close", () => {
    done(dialog.returnValue === "ok" ? $("token").value.trim() : "");
  }, { once: true }));
}

$("cancel").addEventListener("click", () => $("ask").close()); // no submit button: Enter must not find it first

// change sends an order; when the token is missing or wrong it asks for it and tries
// again.
async function change(method, path, body) {
  for (;;) {
    const headers = { "X-Relay": "page" };
    if (token) headers.Authorization = "Bearer " + token;
    if (body) headers["Content-Type"] = "application/json";
    const r = await fetch("/api/v1" + path, { method, headers, body: body && JSON.stringify(body) });
    if (r.status !== 401) {
      const answer = r.status === 204 ? {} : await r.json();
      if (!r.ok) throw new Error(answer.error || (answer.errors || []).join("; "));
      return answer;
    }
    const wrong = token !== "";
    token = "";
    sessionStorage.removeItem("relay-token");
    if (wrong) notice("That token was not accepted.", true);
    const given = await askToken();
    if (!given) throw new Error("Nothing was changed.");
    token = given;
    sessionStorage.setItem("relay-token", token);
  }
}

let noticeTimer;
function notice(text, bad) {
  $("notice").className = bad ? "bad" : "";
  set($("notice"), text);
  clearTimeout(noticeTimer);
  if (text) noticeTimer = setTimeout(() => set($("notice"), ""), 8000);
}

function button(text, label, act) {
  const b = el("button", { type: "button" }, text);
  if (label) b.setAttribute("aria-label", label);
  b.addEventListener("click", async () => {
    b.disabled = true;
    try { notice(await act() || ""); } catch (e) { notice(e.message, true); }
    b.disabled = false;
    b.focus();
    tick();
  });
  return b;
}

// ── graphs ────────────────────────────────────────────────────────────────────

const history = { down: [], up: [], open: [], fresh: [] };
function push(list, v) { list.push(v); if (list.length > kept) list.shift(); }

const svgNS = "http://www.w3.org/2000/svg";
function svg(tag, attributes) {
  const e = document.createElementNS(svgNS, tag);
  for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v);
  return e;
}

// nice is the next round number above v, for the top of a graph.
function nice(v) {
  const p = 10 ** Math.floor(Math.log10(Math.max(v, 1)));
  return [1, 2, 5, 10].find((m) => m * p >= v) * p;
}

function chart(box, a, b, words) {
  if (!box.firstChild) {
    const s = svg("svg", { viewBox: "0 0 120 100", preserveAspectRatio: "none", role: "img" });
    for (const y of [25, 50, 75]) s.append(svg("line", { class: "grid", x1: 0, x2: 120, y1: y, y2: y }));
    for (const c of ["a", "b"]) s.append(svg("path", { class: c + " area" }), svg("path", { class: c + " line" }));
    box.append(s, el("span", { className: "top" }));
  }
  const top = nice(Math.max(1, ...a, ...b) * 1.08);
  [a, b].forEach((list, i) => {
    const points = list.map((v, n) => `${(120 - (list.length - 1 - n)).toFixed(1)},${(100 - v / top * 98).toFixed(2)}`);
    const c = "ab"[i], line = points.length > 1 ? "M" + points.join("L") : "";
    box.querySelector(`.${c}.line`).setAttribute("d", line);
    box.querySelector(`.${c}.area`).setAttribute("d", line && `${line}L120,101L${121 - points.length},101Z`);
  });
  set(box.querySelector(".top"), words(top));
  box.firstChild.setAttribute("aria-label", "the last two minutes, up to " + words(top));
}

// ── sections ──────────────────────────────────────────────────────────────────

let last = null, lastAt = 0;

function drawLive(s, now) {
  const up = s.bytes.up, down = s.bytes.down + s.drops.reduce((n, d) => n + d.bytes, 0);
  const busy = s.loops.reduce((n, l) => n + l.busy_seconds, 0);
  if (last && last.pid === s.pid) {
    const t = (now - lastAt) / 1000, rate = (v, w) => Math.max(0, v - w) / t;
    const r = { up: rate(up, last.up), down: rate(down, last.down), fresh: rate(s.accepted, last.accepted) };
    push(history.up, r.up); push(history.down, r.down);
    push(history.open, s.sessions); push(history.fresh, r.fresh);
    set($("up"), size(r.up) + "/s"); set($("down"), size(r.down) + "/s");
    set($("open"), count(s.sessions)); set($("new"), count(r.fresh) + "/s");
    chart($("throughput"), history.down, history.up, (v) => size(v) + "/s");
    chart($("sessionchart"), history.open, history.fresh, count);
    $("graphs").hidden = false;
    const used = rate(busy, last.busy) / s.loops.length * 100;
    $("t-loops").replaceChildren(`${s.loops.length} `, el("small", {}, `${used.toFixed(used < 9.95 ? 1 : 0)} % busy`));
  }
  last = { pid: s.pid, up, down, busy, accepted: s.accepted };
  lastAt = now;
}

function drawStatus(s) {
  set($("state"), s.state);
  $("state").className = "pill " + s.state;
  set($("about"), `${s.version} · up ${age((Date.now() - new Date(s.started)) / 1000)}`);
  const all = s.bytes_spliced + s.bytes_copied;
  set($("t-sessions"), count(s.sessions));
  set($("t-accepted"), count(s.accepted));
  set($("t-bytes"), `${size(s.bytes.down)} ↓ ${size(s.bytes.up)} ↑`);
  $("t-spliced").replaceChildren(size(s.bytes_spliced) + " ", el("small", {}, all ? Math.round(s.bytes_spliced / all * 100) + " %" : ""));
  $("t-pipes").replaceChildren(`${s.pipes.lent} `, el("small", {}, `of ${size(s.pipes.budget)}`));
}

function drawUpstreams(all) {
  if (!all || !all.length) return;
  rows($("upstreams"), all, (u) => u.name, makeUpstream, (box, u) => {
    set(box.querySelector("small"), u.balance.replaceAll("_", " ") + (u.queued ? ` · ${u.queued} waiting` : ""));
    const most = Math.max(1, ...u.backends.map((b) => b.sessions));
    rows(box.querySelector("tbody"), u.backends, (b) => b.address, (b) => makeBackend(u, b), (tr, b) => drawBackend(tr, b, most));
  });
}

function makeUpstream(u) {
  const head = el("thead", {}, cells([["Backend"], ["", ""], ["", "n"], ["", "n"], ["", "n"], ["", "n"], ["", ""]]));
  ["Backend", "Health", "Weight", "Open", "Ever", "Failed"].forEach((t, i) => set(head.rows[0].cells[i], t));
  [...head.rows[0].cells].forEach((c) => c.replaceWith(el("th", { className: c.className }, c.textContent)));
  head.rows[0].lastChild.append(el("span", { className: "sr" }, "Action"));
  return el("article", { className: "upstream" }, el("h3", {}, u.name + " ", el("small")), el("table", {}, head, el("tbody")));
}

function makeBackend(u, b) {
  const tr = cells([["Backend"], ["Health", ""], ["Weight", "n"], ["Open", "n"], ["Ever", "n"], ["Failed", "n"], ["", "do"]]);
  tr.children[1].append(el("span", { className: "health" }), el("span", { className: "why" }));
  tr.children[3].append(el("span", { className: "share" }, el("i")), el("span"));
  const path = `/upstreams/${encodeURIComponent(u.name)}/backends/${encodeURIComponent(b.address)}/`;
  tr.action = button("Drain", "", async () => {
    const to = tr.drained ? "enable" : "drain";
    await change("POST", path + to);
    return `${b.address} of ${u.name}: ${to === "drain" ? "no new sessions; those it has go on" : "takes sessions again"}.`;
  });
  tr.lastChild.append(tr.action);
  return tr;
}

function drawBackend(tr, b, most) {
  set(tr.children[0], b.address + (b.backup ? " (backup)" : ""));
  const [health, why] = tr.children[1].children;
  set(health, b.state);
  health.className = "health " + b.state;
  set(why, (b.why || "") + (b.why && b.since ? `, for ${age((Date.now() - new Date(b.since)) / 1000)}` : ""));
  set(tr.children[2], b.weight);
  tr.children[3].firstChild.firstChild.style.width = b.sessions / most * 100 + "%";
  set(tr.children[3].lastChild, count(b.sessions));
  set(tr.children[4], count(b.sessions_total));
  set(tr.children[5], count(b.connects_failed));
  tr.drained = b.state === "drained";
  tr.action.hidden = b.weight === 0; // enabling would change nothing
  set(tr.action, tr.drained ? "Enable" : "Drain");
  tr.action.setAttribute("aria-label", `${tr.action.textContent} ${b.address}`);
}

function drawListeners(all) {
  rows($("listeners").tBodies[0], all || [], (l) => l.name,
    () => cells([["Name"], ["Address", "wide"], ["Upstream"], ["Open", "n"], ["Accepted", "n"], ["To clients", "n"], ["To backends", "n"]]),
    (tr, l) => fill(tr, [l.name, l.addresses.join(", "), l.upstream, count(l.sessions), count(l.accepted), size(l.bytes.down), size(l.bytes.up)]));
}

function drawDrops(all) {
  const table = $("drops");
  if (!table.tBodies) return;
  rows(table.tBodies[0], all || [], (d) => d.name,
    () => cells([["Name"], ["Address", "wide"], ["Directory", "wide"], ["Way"], ["Open", "n"], ["Requests", "n"], ["Sent", "n"], ["Received", "n"]]),
    (tr, d) => fill(tr, [d.name, d.addresses.join(", "), d.directory, d.transfer, count(d.sessions), count(d.requests), size(d.bytes), size(d.received)]));
}

function drawSessions(page) {
  $("busiest").hidden = !page.items.length;
  set($("shown"), page.total > page.items.length ? `${page.items.length} of ${count(page.total)}` : "");
  rows($("sessions").tBodies[0], page.items, (s) => s.id, (s) => {
    const tr = cells([["Client"], ["Listener"], ["Backend"], ["State"], ["Rate", "n"], ["Bytes", "n"], ["Age", "n"], ["", "do"]]);
    tr.lastChild.append(button("Reset", `Reset the session of ${s.client}`, async () => {
      await change("DELETE", "/sessions/" + s.id);
      return `The session of ${s.client} was reset.`;
    }));
    return tr;
  }, (tr, s) => fill(tr, [s.client, s.listener, s.backend || "–", s.state, size(s.rate) + "/s", size(s.bytes.up + s.bytes.down), age(s.age_seconds)]));
}

function drawTransfers(page) {
  const running = page.items.filter((t) => t.path);
  rows($("transfers"), running, (t) => t.id, () => el("div", { className: "transfer" },
    el("b"), el("span", { className: "n" }), el("span"), el("span", { className: "n" }), el("div", { className: "bar" }, el("i"))),
  (box, t) => {
    const c = box.children, done = t.size ? t.sent / t.size : 0;
    set(c[0], t.path);
    set(c[1], t.size ? `${size(t.sent)} of ${size(t.size)}` : size(t.sent));
    set(c[2], `${t.method} · ${t.client} · ${t.drop}`);
    set(c[3], size(t.rate) + "/s" + (t.size && t.rate ? ` · ${age((t.size - t.sent) / t.rate)} left` : ""));
    if (t.size) c[4].firstChild.style.width = done * 100 + "%";
  });
}

// ── the clock ─────────────────────────────────────────────────────────────────

let asking = false;

async function tick() {
  if (asking || document.hidden) return;
  asking = true;
  try {
    const [s, sessions] = await Promise.all([get("/api/v1/state"), get("/api/v1/sessions?sort=rate&limit=" + listed)]);
    s.drops ||= [];
    drawStatus(s);
    drawLive(s, performance.now());
    drawUpstreams(s.upstreams);
    drawListeners(s.listeners);
    drawSessions(sessions);
    drawDrops(s.drops);
    if ($("transfers")) drawTransfers(await get("/api/v1/transfers?limit=20"));
  } catch (e) {
    set($("state"), "no answer");
    $("state").className = "pill lost";
  }
  asking = false;
}

$("actions").append(button("Reload configuration", "", async () => {
  const r = await change("POST", "/reload");
  return "The configuration is in force" + (r.need_restart ? "; these wait for a restart: " + r.need_restart.join(", ") : ".");
}));
document.addEventListener("visibilitychange", tick);
setInterval(tick, period);
tick();
