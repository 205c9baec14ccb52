"use strict";
// Files that are picked or dropped onto the page go up one after the other, by PUT.
const queue = [], list = document.getElementById("u"), pick = document.getElementById("f");
let busy = false, failed = false;

function add(files) {
  for (const file of files) {
    const item = document.createElement("li"), name = document.createElement("span"), bar = document.createElement("progress"), say = document.createElement("b");
    name.textContent = file.name;
    bar.max = file.size || 1;
    bar.value = 0;
    say.textContent = "waiting";
    item.append(name, bar, say);
    list.append(item);
    queue.push({ file, item, bar, say });
  }
  next();
}

function next() {
  if (busy) return;
  const job = queue.shift();
  if (job) send(job, true);
  else if (failed) refresh();
  else if (list.children.length) location.reload();
}

// The list of what is here is exchanged, and what is said of the files that failed stays.
function refresh() {
  const ask = new XMLHttpRequest(), parts = "main > table, main > p";
  ask.open("GET", "");
  ask.responseType = "document";
  ask.onload = () => {
    if (ask.status !== 200 || !ask.response || busy) return;
    for (const old of document.querySelectorAll(parts)) old.remove();
    document.querySelector("main").append(...ask.response.querySelectorAll(parts));
  };
  ask.send();
}

// A file that is there already is replaced only after a word from the person.
function send(job, careful) {
  busy = true;
  const ask = new XMLHttpRequest();
  ask.open("PUT", encodeURIComponent(job.file.name));
  if (careful) ask.setRequestHeader("If-None-Match", "*");
  if (job.file.lastModified) ask.setRequestHeader("X-OC-Mtime", (job.file.lastModified / 1000).toFixed(3));
  ask.upload.onprogress = (e) => {
    job.bar.value = e.loaded;
    job.say.textContent = Math.floor(100 * e.loaded / (e.total || 1)) + " %";
  };
  ask.onload = () => {
    if (ask.status === 412 && careful && confirm(job.file.name + " is there already. Replace it?")) return send(job, false);
    if (ask.status === 201 || ask.status === 204) end(job, "done");
    else end(job, ask.status === 412 ? "not replaced" : ask.responseText.trim() || "failed: " + ask.status, ask.status !== 412);
  };
  ask.onerror = () => end(job, "the connection broke; try again", true);
  ask.send(job.file);
}

function end(job, text, bad) {
  job.say.textContent = text;
  job.item.className = bad ? "bad" : "done";
  if (bad) failed = true;
  else job.bar.value = job.bar.max;
  busy = false;
  next();
}

pick.addEventListener("change", () => { add(pick.files); pick.value = ""; });
addEventListener("dragover", (e) => { e.preventDefault(); document.body.className = "over"; });
addEventListener("dragleave", (e) => { if (!e.relatedTarget) document.body.className = ""; });
addEventListener("drop", (e) => { e.preventDefault(); document.body.className = ""; add(e.dataTransfer.files); });
addEventListener("beforeunload", (e) => { if (busy) e.preventDefault(); });
