"use strict";
// The plain first page: one task at a time, each answer sent at once and kept here until the server has it.
(function () {
  const POLL = 4000; // milliseconds between two looks for tasks when nothing is left
  const RETRY = 2000;
  const AHEAD = 3; // tasks left in the queue when more are asked for
  const find = (id) => document.getElementById(id);
  const params = new URLSearchParams(location.search);
  const name = params.get("session");
  const queue = []; // tasks to be answered; the first is on the screen
  const history = []; // answers of this visit, newest last: what undo takes back
  let project = null;
  let outbox = []; // answers that the server has not confirmed, in order; they survive a reload
  let sending = false;
  let pulling = false;
  let progress = null;
  let refused = 0;
  let problem = "";
  let label = null;
  let opened = null; // the token at which a span was begun
  let timer = 0;

  function answerId() {
    if (globalThis.crypto && crypto.randomUUID) return crypto.randomUUID(); // only on https and localhost
    const bytes = new Uint8Array(16);
    if (globalThis.crypto && crypto.getRandomValues) crypto.getRandomValues(bytes);
    else for (let i = 0; i < 16; i += 1) bytes[i] = Math.floor(Math.random() * 256);
    return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  // --- Saving -------------------------------------------------------------------------------------------------------

  const storeKey = () => "prodigy-team:" + JSON.stringify([project.team, project.dataset, owner()]);
  // A nameless session has another id after each start of the server; its answers stay this browser's.
  const owner = () => (name || project.named ? project.session_id : "");

  // Each answer has a place of its own, so that two tabs never write over each other's.
  const place_of = (answer) => storeKey() + answer._answer_id;

  function keep(entry) {
    try { localStorage.setItem(place_of(entry.answer), JSON.stringify(entry)); } catch { /* no storage: it is still in this page */ }
  }

  function forget(entry, refusal) {
    try {
      localStorage.removeItem(place_of(entry.answer));
      if (refusal) localStorage.setItem("refused-" + place_of(entry.answer), JSON.stringify({ ...entry, refusal }));
    } catch { /* no storage, nothing to forget */ }
  }

  function recall() {
    try {
      const keys = Object.keys(localStorage).filter((key) => key.startsWith(storeKey()));
      const kept = keys.map((key) => JSON.parse(localStorage.getItem(key))).filter((entry) => entry && entry.answer);
      outbox = kept.sort((a, b) => a.at - b.at).concat(outbox);
    } catch { /* nothing readable was kept */ }
  }

  async function post(path, body) {
    const response = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
      credentials: "same-origin",
    });
    let content = {};
    try { content = await response.json(); } catch { /* an answer of a proxy */ }
    return { status: response.status, content };
  }

  async function send() {
    if (sending || !outbox.length) return;
    sending = true;
    const first = outbox[0];
    try {
      const { status, content } = await post("give_answers", { session_id: first.session_id, answers: [first.answer] });
      if (status === 200 || status === 409 || status === 422) {
        outbox.shift();
        forget(first, status === 200 ? null : content.detail || status);
        if (status !== 200) { refused += 1; problem = content.detail || "An answer was refused."; } else problem = "";
        if (typeof content.progress === "number") progress = content;
      } else {
        problem = content.detail || "The server answered " + status + ".";
      }
      sending = false;
      if (status === 200 || status === 409 || status === 422) send();
      else setTimeout(send, RETRY);
    } catch {
      problem = "The server cannot be reached.";
      sending = false;
      setTimeout(send, RETRY);
    }
    status_line();
  }

  // --- Tasks --------------------------------------------------------------------------------------------------------

  const held = () => queue.map((task) => task._task_hash).concat(outbox.map((each) => each.answer._task_hash));

  async function pull() {
    if (pulling) return;
    pulling = true;
    clearTimeout(timer);
    const wasEmpty = queue.length === 0;
    try {
      const { status, content } = await post("get_session_questions", { session_id: project.session_id, held: held() });
      if (status === 200) {
        const known = new Set(held());
        queue.push(...content.tasks.filter((task) => !known.has(task._task_hash)));
        progress = content;
        if (wasEmpty) problem = "";
      } else problem = content.detail || "The server answered " + status + ".";
    } catch {
      problem = "The server cannot be reached.";
    }
    pulling = false;
    if (!queue.length) timer = setTimeout(pull, POLL);
    if (wasEmpty) show();
    status_line();
  }

  function decide(decision) {
    const task = queue.shift();
    if (!task) return;
    const answer = { ...task, answer: decision, _answer_id: answerId() };
    delete answer._redo;
    const entry = { session_id: project.session_id, at: Date.now(), answer };
    outbox.push(entry);
    keep(entry);
    history.push(answer);
    if (history.length > 50) history.shift();
    show();
    send();
    if (queue.length <= AHEAD) pull();
  }

  function undo() {
    const last = history.pop();
    if (!last) return;
    // Whether it was sent or not, the new answer names this one: the server then takes it as its correction.
    const again = { ...last, _replaces: last._answer_id, _redo: true };
    delete again.answer;
    delete again._answer_id;
    delete again._timestamp;
    queue.unshift(again);
    show();
  }

  // --- Showing ------------------------------------------------------------------------------------------------------

  function element(tag, attributes, ...children) {
    const made = document.createElement(tag);
    for (const [key, value] of Object.entries(attributes || {})) {
      if (key === "class") made.className = value;
      else made.setAttribute(key, value);
    }
    made.append(...children.filter((child) => child !== null && child !== undefined));
    return made;
  }

  // Offsets count code points, JavaScript's strings count UTF-16 units.
  function marked(text, spans) {
    const points = Array.from(text);
    const holder = element("div", { class: "content", dir: "auto" });
    let at = 0;
    for (const span of [...spans].sort((a, b) => a.start - b.start || b.end - a.end)) {
      if (span.start < at || span.end > points.length) continue;
      holder.append(points.slice(at, span.start).join(""));
      holder.append(element("mark", {}, points.slice(span.start, span.end).join(""), tag(span)));
      at = span.end;
    }
    holder.append(points.slice(at).join(""));
    return holder;
  }

  const tag = (span) => (span.label ? element("small", {}, span.label) : null);

  function tokens(task) {
    const points = Array.from(task.text);
    const holder = element("div", { class: "content", dir: "auto" });
    const spans = (task.spans || []).filter((span) => span.token_start !== undefined);
    let at = 0;
    task.tokens.forEach((token, place) => {
      const gap = points.slice(at, token.start).join("");
      at = token.end;
      const covering = spans.filter((span) => span.token_start <= place && place <= span.token_end);
      const node = element("span", { class: "token" + (opened === place ? " start" : ""), "data-token": place }, token.text);
      const ending = covering.filter((span) => span.token_end === place).map(tag);
      holder.append(gap, covering.length ? element("mark", {}, node, ...ending) : node);
    });
    holder.append(points.slice(at).join(""));
    return holder;
  }

  function touch(place) {
    const task = queue[0];
    const spans = task.spans || [];
    const hit = spans.filter((span) => span.token_start <= place && place <= span.token_end);
    if (opened === null && hit.length) {
      task.spans = spans.filter((span) => span !== hit[hit.length - 1]);
    } else if (opened === null) {
      opened = place;
    } else {
      mark(task, Math.min(opened, place), Math.max(opened, place));
      opened = null;
    }
    draw();
  }

  function mark(task, first, last) {
    const start = task.tokens[first].start;
    const end = task.tokens[last].end;
    const apart = (span) => span.end <= start || span.start >= end;
    const kept = (task.spans || []).filter((span) => project.view_id === "spans_manual" || apart(span));
    kept.push({ start, end, token_start: first, token_end: last, label: label || "" });
    task.spans = kept.sort((a, b) => a.start - b.start || a.end - b.end);
  }

  function options(task) {
    const single = (task.config || project).choice_style !== "multiple";
    const chosen = new Set(task.accept || []);
    const holder = element("div", { class: "options", role: single ? "radiogroup" : "group" });
    (task.options || []).forEach((option, place) => {
      const text = option.text !== undefined ? option.text : option.html !== undefined ? option.html : String(option.id);
      const attributes = { type: "button", role: single ? "radio" : "checkbox", "aria-checked": chosen.has(option.id), "data-option": place };
      holder.append(element("button", attributes, place < 9 ? element("kbd", {}, String(place + 1)) : null, " " + text));
    });
    return holder;
  }

  function choose(place) {
    const task = queue[0];
    const option = (task.options || [])[place];
    if (!option) return;
    const single = (task.config || project).choice_style !== "multiple";
    const chosen = task.accept || [];
    const without = chosen.filter((id) => id !== option.id);
    if (single) task.accept = without.length < chosen.length ? [] : [option.id];
    else task.accept = without.length < chosen.length ? without : [...chosen, option.id];
    draw();
    if (single && project.choice_auto_accept && task.accept.length) decide("accept");
  }

  function content(task) {
    if (typeof task.text === "string") {
      const manual = project.view_id === "ner_manual" || project.view_id === "spans_manual";
      return manual && Array.isArray(task.tokens) ? tokens(task) : marked(task.text, task.spans || []);
    }
    if (typeof task.html === "string") return element("div", { class: "content", dir: "auto" }, task.html);
    return element("pre", {}, JSON.stringify(task, null, 2));
  }

  function show() {
    opened = null;
    const task = queue[0];
    if (task && project.view_id === "choice" && !task.accept) task.accept = [];
    draw();
  }

  function draw() {
    const task = queue[0];
    const card = find("card");
    find("buttons").hidden = !task && !history.length;
    for (const button of document.querySelectorAll("[data-answer]")) button.disabled = !task;
    find("undo").disabled = !history.length;
    if (!task) {
      card.replaceChildren(element("p", {}, nothing()));
    } else {
      const meta = project.hide_meta ? null : task.meta;
      const lines = meta && typeof meta === "object" ? Object.entries(meta).map(([key, value]) => key + ": " + (typeof value === "string" ? value : JSON.stringify(value))) : [];
      const heading = task.label ? element("div", { class: "headline" }, String(task.label)) : null;
      const parts = [heading, content(task), task.options ? options(task) : null];
      if (lines.length) parts.push(element("p", { class: "meta" }, lines.join("  ·  ")));
      card.replaceChildren(...parts.filter(Boolean));
    }
    status_line();
  }

  function nothing() {
    if (problem) return problem + " This page tries again by itself.";
    if (pulling || !progress) return "Loading…";
    if (progress.progress !== null && progress.progress >= 1) return "All tasks are answered. Nothing is left for you right now; this page looks for new ones by itself.";
    return "Nothing for you right now: the tasks that are left are on other people's screens. This page goes on by itself.";
  }

  function status_line() {
    if (!project) return;
    const unsent = outbox.length;
    const parts = [unsent ? unsent + (unsent === 1 ? " answer is" : " answers are") + " not saved yet." : "All answers are saved."];
    if (refused) parts.push(refused + " refused.");
    if (problem) parts.push(problem);
    find("state").textContent = parts.join(" ");
    if (progress && project.total_tasks) find("progress").textContent = progress.total + " of " + project.total_tasks;
  }

  function labels() {
    const names = project.labels || [];
    const manual = project.view_id === "ner_manual" || project.view_id === "spans_manual";
    if (!manual || !names.length) return;
    label = label || names[0];
    const holder = find("labels");
    holder.hidden = false;
    holder.replaceChildren(...names.map((each, place) => {
      const attributes = { type: "button", role: "radio", "aria-checked": each === label, "data-label": place };
      return element("button", attributes, place < 9 ? element("kbd", {}, String(place + 1)) : null, " " + each);
    }));
  }

  function pick(place) {
    const names = project.labels || [];
    if (place < names.length) { label = names[place]; labels(); }
  }

  // --- Hands --------------------------------------------------------------------------------------------------------

  document.addEventListener("click", (event) => {
    const target = event.target.closest("[data-answer],[data-option],[data-label],[data-token],#undo");
    if (!target || !project) return;
    const { answer, option, label: chosen, token } = target.dataset;
    if (answer) decide(answer);
    else if (option !== undefined) choose(Number(option));
    else if (chosen !== undefined) pick(Number(chosen));
    else if (token !== undefined) touch(Number(token));
    else undo();
    // A focused button would take the space key that means ignore.
    if (target.blur) target.blur();
  });

  document.addEventListener("keydown", (event) => {
    if (!project || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    const decision = { a: "accept", x: "reject", " ": "ignore" }[event.key];
    if (decision) { event.preventDefault(); decide(decision); }
    else if (event.key === "Backspace") { event.preventDefault(); undo(); }
    else if (/^[1-9]$/.test(event.key)) {
      const place = Number(event.key) - 1;
      if (queue[0] && queue[0].options) choose(place); else pick(place);
    }
  });

  addEventListener("beforeunload", (event) => { if (outbox.length) event.preventDefault(); });

  async function begin() {
    try {
      const response = await fetch("project" + (name ? "?session=" + encodeURIComponent(name) : ""), { credentials: "same-origin" });
      const content = await response.json();
      if (response.status !== 200) throw new Error(content.detail || "The server answered " + response.status + ".");
      project = content;
    } catch (error) {
      find("card").replaceChildren(element("p", {}, "This page cannot start yet: " + error.message + " It tries again by itself."));
      setTimeout(begin, RETRY);
      return;
    }
    find("title").textContent = project.team || project.dataset;
    find("where").textContent = (project.team ? project.dataset + " · " : "") + project.recipe_name;
    document.title = (project.team || project.dataset) + " · annotate";
    if (project.writing_dir === "rtl") find("card").dir = "rtl";
    recall();
    labels();
    send();
    pull();
  }
  begin();
})();
