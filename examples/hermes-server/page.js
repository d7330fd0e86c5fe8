"use strict";
const $ = (id) => document.getElementById(id);
const names = new Map(JSON.parse(sessionStorage.getItem("names") || "[]"));
const rows = new Map();
const over = new Set(["completed", "failed", "cancelled"]);
let key = sessionStorage.getItem("key") || "";
let source = null, lastId = "", attempt = 0, timer = 0, poller = 0, renewal = 0;

function status(state, text) {
  $("status").dataset.state = state;
  $("status").textContent = text || state;
}

async function api(path, options = {}) {
  const headers = { ...(options.body ? { "Content-Type": "application/json" } : {}), ...(key ? { Authorization: "Bearer " + key } : {}) };
  const response = await fetch(path, { ...options, headers });
  const body = response.status === 204 ? {} : await response.json().catch(() => ({}));
  if (response.status === 401) askForKey(key ? "That key is not accepted." : "");
  if (!response.ok) throw Object.assign(new Error(body.detail || response.statusText), { status: response.status });
  return body;
}

function askForKey(error) {
  key = "";
  sessionStorage.removeItem("key");
  $("key-form").hidden = false;
  $("key-error").textContent = error;
  stop();
  status("disconnected", "a key is needed");
}

function bytes(n) {
  if (n == null) return "?";
  const units = ["B", "KB", "MB", "GB", "TB"];
  let i = 0;
  while (n >= 1000 && i < units.length - 1) { n /= 1000; i++; }
  return (i ? n.toFixed(1) : n) + " " + units[i];
}

function rowFor(id) {
  if (rows.has(id)) return rows.get(id);
  const li = document.createElement("li"), top = document.createElement("div"), name = document.createElement("span");
  const cancel = document.createElement("button"), bar = document.createElement("progress"), detail = document.createElement("div");
  top.className = "top"; name.className = "name"; detail.className = "detail"; cancel.className = "quiet";
  name.textContent = names.get(id) || id;
  cancel.textContent = "Cancel";
  cancel.setAttribute("aria-label", "Cancel " + name.textContent);
  cancel.addEventListener("click", () => api("/api/v1/download/" + id, { method: "DELETE" }).then(show).catch((e) => note("error", e.message)));
  bar.max = 100;
  bar.setAttribute("aria-label", "Progress of " + name.textContent);
  top.append(name, cancel);
  li.append(top, bar, detail);
  $("downloads").prepend(li);
  const row = { li, bar, detail, cancel };
  rows.set(id, row);
  return row;
}

function show(d) {
  const row = rowFor(d.download_id), left = d.eta == null ? "" : ", " + d.eta + " s left";
  row.li.dataset.status = d.status;
  row.li.dataset.id = d.download_id;
  if (d.total_bytes == null && d.status === "downloading") row.bar.removeAttribute("value");
  else row.bar.value = d.progress;
  row.cancel.hidden = over.has(d.status);
  row.detail.textContent = d.status === "downloading"
    ? Math.floor(d.progress) + " %, " + bytes(d.downloaded_bytes) + " of " + bytes(d.total_bytes) + ", " + bytes(d.download_speed) + "/s" + left
    : d.status + (d.error_message ? ": " + d.error_message : d.status === "completed" ? ", " + bytes(d.downloaded_bytes) : "");
  const active = [...rows.values()].filter((r) => !over.has(r.li.dataset.status)).length;
  $("count").textContent = active ? "(" + active + " active)" : "";
  $("empty").hidden = rows.size > 0;
}

function note(type, message) {
  const li = document.createElement("li");
  li.className = type;
  li.textContent = message;
  $("notes").prepend(li);
  while ($("notes").children.length > 20) $("notes").lastChild.remove();
}

async function refetch() {
  const queue = await api("/api/v1/download/queue"), active = new Set(queue.items.map((d) => d.download_id));
  queue.items.reverse().forEach(show);
  for (const [id, row] of rows)
    if (!active.has(id) && !over.has(row.li.dataset.status)) api("/api/v1/download/" + id).then(show).catch(() => {});
}

function stop() {
  if (source) source.close();
  source = null;
  clearTimeout(timer);
  clearTimeout(renewal);
  clearInterval(poller);
  poller = 0;
}

/* SSE is off or away: ask, and look again now and then whether it is back. */
function poll() {
  stop();
  status("polling");
  const ask = () => refetch().catch(() => status("disconnected"));
  ask();
  poller = setInterval(ask, 2000);
  timer = setTimeout(start, 30000);
}

function retry() {
  attempt++;
  status("reconnecting", "reconnecting (attempt " + attempt + ")");
  clearTimeout(timer);
  timer = setTimeout(start, Math.min(30000, 1000 * 2 ** Math.min(attempt - 1, 5)) * (0.5 + Math.random() / 2));
}

function take(event) {
  lastId = event.lastEventId || lastId;
  return JSON.parse(event.data);
}

async function start() {
  stop();
  let url = "/api/v1/events/stream";
  try {
    const health = await fetch("/api/v1/events/health").then((r) => r.json());
    if (!health.enabled) return poll();
    const query = new URLSearchParams();
    if (key) {
      const token = await api("/api/v1/events/token", { method: "POST", body: JSON.stringify({ scope: "all" }) });
      query.set("token", token.token);
      renewal = setTimeout(start, token.ttl * 800); /* at four fifths of its life, from where we are */
    }
    if (lastId) query.set("last_event_id", lastId);
    if (String(query)) url += "?" + query;
    await refetch();
  } catch (error) {
    return error.status === 401 ? undefined : retry();
  }
  source = new EventSource(url);
  source.onopen = () => { attempt = 0; status("connected"); };
  source.onmessage = take;
  source.addEventListener("heartbeat", take);
  source.addEventListener("gap", (event) => {
    const gap = take(event);
    refetch().then(() => note("warning", "Some events were missed (" + gap.reason + "); the list was fetched again."), retry);
  });
  source.addEventListener("download_progress", (event) => show(take(event)));
  source.addEventListener("queue_update", take);
  source.addEventListener("system_notification", (event) => { const d = take(event); note(d.notification_type, d.message); });
  source.onerror = () => {
    if (source && source.readyState === EventSource.CLOSED) return retry();
    attempt++;
    status("reconnecting", "reconnecting (attempt " + attempt + ")");
  };
}

$("add-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  $("add-error").textContent = "";
  try {
    const url = $("url").value, made = await api("/api/v1/download", { method: "POST", body: JSON.stringify({ url }) });
    names.set(made.download_id, url);
    sessionStorage.setItem("names", JSON.stringify([...names].slice(-200)));
    rows.get(made.download_id)?.li.querySelector(".name").replaceChildren(url);
    $("url").value = "";
    api("/api/v1/download/" + made.download_id).then(show).catch(() => {});
  } catch (error) {
    $("add-error").textContent = error.message;
  }
});

$("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  key = $("key").value;
  sessionStorage.setItem("key", key);
  $("key-form").hidden = true;
  start();
});

start();
