// Asks the server for what is new, again and again, and has it shown; says so while nobody answers.

import { show, showConnection, showFailures, tick } from "./view.js";

const GIVE_UP = 30_000; // Longer than the server keeps a question open.
const HIDDEN_PAUSE = 5_000;
const RETRY = [500, 1000, 2000, 3000];

let version = "";
let revision = -1;
let page = 0;
let wanted = 0; // Answers about failures that were asked for earlier are thrown away.

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

const becameVisible = () =>
  new Promise((done) => document.addEventListener("visibilitychange", done, { once: true }));

async function ask(path) {
  const answer = await fetch(path, { cache: "no-store", signal: AbortSignal.timeout(GIVE_UP) });
  if (!answer.ok) throw new Error(`${answer.status} ${answer.statusText}`);
  return answer.status === 204 ? null : answer.json();
}

async function askForFailures() {
  const number = ++wanted;
  const found = await ask(`/failures?page=${page}`);
  if (number !== wanted) return;
  page = found.page;
  showFailures(found, (step) => {
    page += step;
    askForFailures().catch(() => {}); // The loop below notices, and says so.
  });
}

async function look() {
  // A page that nobody sees must not keep a connection: a browser has six for a server.
  const wait = document.hidden ? 0 : 1;
  const news = await ask(`/state?after=${version}&wait=${wait}`);
  showConnection("live");
  if (news === null || news.state === null) return;
  const restarted = version.split("-")[0] !== news.version.split("-")[0];
  show(news.state, news.now);
  if (restarted || news.state.failures.revision !== revision) {
    await askForFailures();
    revision = news.state.failures.revision;
  }
  version = news.version;
}

async function follow() {
  for (let failed = 0; ; ) {
    try {
      await look();
      failed = 0;
      if (document.hidden) await Promise.race([sleep(HIDDEN_PAUSE), becameVisible()]);
    } catch {
      showConnection("gone");
      await sleep(RETRY[Math.min(failed++, RETRY.length - 1)]);
    }
  }
}

setInterval(tick, 1000);
follow();
