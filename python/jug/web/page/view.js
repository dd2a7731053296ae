// Turns what the server says into what is on the page. Texts go in as text, never as HTML.

const STATES = ["failed", "waiting", "ready", "complete", "active"];
const BAR = ["complete", "active", "ready", "waiting", "failed"];

const at = (selector, inside = document) => inside.querySelector(selector);
const count = (n) => n.toLocaleString("en");
const several = (n, one, many = `${one}s`) => `${count(n)} ${n === 1 ? one : many}`;

let latest = null;
let clockIsAhead = 0; // The server's clock against ours, in seconds.

function make(tag, text = "", kind = "") {
  const element = document.createElement(tag);
  if (text !== "") element.textContent = text;
  if (kind) element.className = kind;
  return element;
}

// Only what changed is touched, so that a selection or a screen reader is not disturbed.
function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function duration(seconds) {
  if (seconds < 10) return `${Math.max(0, seconds).toFixed(1)} s`;
  if (seconds < 100) return `${Math.round(seconds)} s`;
  if (seconds < 100 * 60) return `${Math.round(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86400)} days`;
}

function moment(seconds) {
  if (!seconds) return "unknown";
  const date = new Date(seconds * 1000);
  const today = date.toDateString() === new Date().toDateString();
  return date.toLocaleString([], today ? { timeStyle: "medium" } : { dateStyle: "medium", timeStyle: "short" });
}

const serverNow = () => Date.now() / 1000 + clockIsAhead;

// --- head ---

export function showConnection(state) {
  const chip = at("#connection");
  const texts = { live: "live", gone: "no answer, trying again" };
  say(chip, texts[state]);
  chip.className = `chip ${state}`;
  document.body.classList.toggle("gone", state === "gone");
}

export function show(state, now) {
  clockIsAhead = now - Date.now() / 1000;
  latest = state;
  say(at("#jugfile"), state.jugfile);
  say(at("#jugdir"), `Results in ${state.jugdir}`);
  showProblem(state);
  showProgress(state);
  showWorkers(state);
  showTasks(state);
  showFailureCount(state);
  tick();
}

function showProblem({ problem, damage }) {
  const box = at("#problem");
  box.hidden = problem === null;
  if (problem !== null) {
    say(at("p", box), problem.what);
    say(at("pre", box), problem.detail);
  }
  at("#damage").hidden = damage.length === 0;
  at("#damage").replaceChildren(...damage.map((line) => make("p", line)));
}

// --- progress ---

function fillBar(bar, counts, all) {
  const byState = Object.fromEntries(STATES.map((state, i) => [state, counts[i]]));
  for (const state of BAR) at(`.${state}`, bar).style.width = `${all ? (100 * byState[state]) / all : 0}%`;
}

function makeBar() {
  const bar = make("div", "", "bar");
  bar.setAttribute("aria-hidden", "true");
  bar.append(...BAR.map((state) => make("span", "", state)));
  return bar;
}

function showProgress({ total, jugfile, blocked, barrier }) {
  const all = total.reduce((a, b) => a + b, 0);
  const complete = total[3];
  // 100 % stands for everything, and for nothing less.
  const percent = complete === all ? 100 : Math.floor((100 * complete) / all);
  say(at("#percent"), `${percent} %`);
  document.title = `${percent} % · ${jugfile}`;
  const bar = at("#bar");
  bar.setAttribute("aria-valuenow", percent);
  bar.setAttribute("aria-valuetext", `${percent} %, ${count(complete)} of ${several(all, "task")}`);
  fillBar(bar, total, all);
  document.querySelectorAll("#totals dd").forEach((dd, i) => say(dd, count(total[i])));
  const notes = [];
  if (blocked) notes.push(`${several(blocked, "task")} cannot run, because others failed that they need.`);
  if (barrier) notes.push("The jugfile has more tasks behind a barrier; they show up when it is passed.");
  say(at("#notes"), notes.join(" "));
}

function timeLeft({ total, left, barrier }) {
  if (total[3] === total.reduce((a, b) => a + b, 0)) return barrier ? "" : "All tasks are complete.";
  if (left.seconds === null) return `Time left: unknown (${left.why})`;
  const seconds = left.seconds - (serverNow() - left.at);
  if (left.seconds > 0 && seconds < 1) return "Time left: any moment now";
  if (left.seconds === 0) return "";
  return `Time left: ${left.at_least ? "more than" : "about"} ${duration(Math.ceil(seconds))}`;
}

/** What changes by itself as time goes by. */
export function tick() {
  if (latest === null || document.body.classList.contains("gone")) return;
  say(at("#left"), timeLeft(latest));
  for (const cell of document.querySelectorAll("#workers [data-since]")) {
    const text = duration(serverNow() - Number(cell.dataset.since));
    say(cell, cell.dataset.exact ? text : `${text} or more`);
  }
}

// --- workers ---

const nameOf = (worker) =>
  worker.pid ? `${worker.host ? `${worker.host}, ` : ""}pid ${worker.pid}` : worker.host || "not visible from here";

function fillWorker(row, worker) {
  const [where, started, runs, since] = row.cells;
  say(where, nameOf(worker));
  say(started, worker.started ? moment(worker.started) : "");
  delete since.dataset.since;
  if (worker.runs) {
    say(runs, `${worker.runs.name}(${worker.runs.arguments})`);
    since.dataset.since = worker.runs.since;
    since.dataset.exact = worker.runs.exact ? "1" : "";
    return;
  }
  say(since, "");
  if (!worker.batch) return say(runs, "nothing at the moment");
  const { tasks, names, other_names } = worker.batch;
  const others = other_names ? ` and ${several(other_names, "other name")}` : "";
  say(runs, `${several(tasks, "short task")}: ${names.join(", ")}${others}`);
}

// The roles are those that these elements have anyway, but for narrow screens, where they are no table to look at.
function makeRow(head, cells) {
  const row = make("tr");
  row.append(head, ...cells);
  row.role = "row";
  head.role = "rowheader";
  head.scope = "row";
  for (const cell of cells) cell.role = "cell";
  return row;
}

const makeWorker = () =>
  makeRow(make("th", "", "where"), [make("td", "", "quiet"), make("td", "", "call code"), make("td", "", "number")]);

/** Makes `body` have one row for each item, and keeps those that it has: scrolling and focus stay. */
function fillRows(body, items, keyOf, create, fill) {
  const known = new Map([...body.children].map((row) => [row.dataset.key, row]));
  items.forEach((item, i) => {
    const key = keyOf(item);
    const row = known.get(key) ?? create(item);
    known.delete(key);
    row.dataset.key = key;
    fill(row, item);
    if (body.children[i] !== row) body.insertBefore(row, body.children[i] ?? null);
  });
  for (const row of known.values()) row.remove();
}

function showWorkers({ workers, total }) {
  const section = at("#workers");
  const living = workers?.living ?? [];
  say(at(".count", section), workers ? count(workers.nr_living) : "");
  const advice = total[2] ? " Start some with: jug execute" : "";
  const hint = workers ? `Nobody works on it.${advice}` : "This kind of store does not know its workers.";
  say(at(".empty", section), living.length ? beyond(workers.nr_living - living.length, "more") : hint);
  at(".scroll", section).hidden = living.length === 0;
  fillRows(at("tbody", section), living, (worker) => `${worker.id} ${worker.pid}`, makeWorker, fillWorker);
  const ended = at(".ended", section);
  ended.hidden = !workers?.nr_ended;
  if (ended.hidden) return;
  say(at("summary", ended), `${several(workers.nr_ended, "worker has", "workers have")} ended`);
  const lines = workers.ended.map((worker) => make("li", `${nameOf(worker)}, began ${moment(worker.started)}`));
  const rest = workers.nr_ended - workers.ended.length;
  if (rest) lines.push(make("li", beyond(rest, "earlier")));
  at("ul", ended).replaceChildren(...lines);
}

const beyond = (n, what) => (n > 0 ? `and ${count(n)} ${what}, not shown here` : "");

// --- tasks ---

function makeTask([name]) {
  const share = make("td", "", "share");
  share.append(makeBar());
  return makeRow(make("th", name, "code"), [...STATES.map((state) => make("td", "", state)), share]);
}

function fillTask(row, [, ...counts]) {
  counts.forEach((n, i) => {
    const cell = row.cells[i + 1];
    say(cell, count(n));
    cell.classList.toggle("zero", n === 0);
  });
  fillBar(at(".bar", row), counts, counts.reduce((a, b) => a + b, 0));
}

function showTasks({ names, other_names, total }) {
  const section = at("#tasks");
  const wanted = at("#filter").value.trim().toLowerCase();
  const shown = wanted ? names.filter(([name]) => name.toLowerCase().includes(wanted)) : names;
  say(at(".count", section), several(names.length + other_names, "name"));
  fillRows(at("tbody", section), shown, ([name]) => name, makeTask, fillTask);
  const cells = at("tfoot tr", section).cells;
  total.forEach((n, i) => say(cells[i + 1], count(n)));
  const rest = [];
  if (wanted) rest.push(`${count(shown.length)} of ${several(names.length, "name")} match; the total is that of all.`);
  if (other_names) rest.push(`${several(other_names, "other name is", "other names are")} in the total only; jug status shows them.`);
  say(at(".rest", section), rest.join(" "));
}

at("#filter").addEventListener("input", () => latest && showTasks(latest));

// --- failures ---

function showFailureCount({ failures, total }) {
  const section = at("#failures");
  section.hidden = failures.total === 0 && total[0] === 0;
  say(at(".count", section), failures.total ? count(failures.total) : "");
  const kinds = Object.entries(failures.kinds).map(([kind, n]) => `${count(n)} ${kind}`);
  say(at(".kinds", section), kinds.length ? `By kind: ${kinds.join(", ")}.` : "");
}

export function showFailures({ items, page, pages, kept }, turn) {
  const section = at("#failures");
  const total = latest?.failures.total ?? kept;
  const hints = [];
  if (kept === 0) hints.push("This kind of store does not keep why tasks failed.");
  if (total > kept) hints.push(`The latest ${count(kept)} of ${count(total)} are shown.`);
  say(at("p", section), hints.join(" "));
  fillRows(at("ol", section), items, (item) => `${item.id} ${item.at}`, makeFailure, () => {});
  const nav = at("nav", section);
  nav.hidden = pages < 2;
  say(at("span", nav), `Page ${count(page + 1)} of ${count(pages)}`);
  for (const [button, step, end] of [[".newer", -1, 0], [".older", 1, pages - 1]]) {
    at(button, nav).disabled = page === end;
    at(button, nav).onclick = () => turn(step);
  }
}

function makeFailure(failure) {
  const item = make("li");
  const details = make("details");
  const summary = make("summary");
  summary.append(
    make("span", `${failure.name}(${failure.arguments ?? ""})`, "code"), " ",
    make("span", failure.kept ? "kept as failed" : "will be tried again", "tag"),
    make("span", failure.error, "error"),
  );
  const facts = [
    failure.kind,
    moment(failure.at),
    failure.host && `on ${failure.host}`,
    failure.pid && `pid ${failure.pid}`,
    failure.attempt && `attempt ${failure.attempt}`,
    failure.duration != null && `after ${duration(failure.duration)}`,
  ];
  const trace = make("pre", failure.traceback || "No traceback was recorded.");
  trace.tabIndex = 0;
  details.append(summary, make("p", facts.filter(Boolean).join(" · "), "facts quiet"), trace);
  item.append(details);
  return item;
}
