// The labelling page: shows pairs, takes keys, clicks and taps, says how it stands.

import { call, newId, Outbox, Refused } from "./api.js";
import { Board } from "./board.js";
import { Pairs } from "./pairs.js";
import { Player } from "./player.js";

const REFRESH_MS = 2000;
const SAID_MS = 8000;
const HOLD_MS = 20000; // the run is told this often what is held, so that a lease never runs out under a person
const KEYS = { ArrowLeft: "left", ArrowRight: "right", ArrowDown: "equal", "?": "cant_tell", ",": "back", ".": "on", Backspace: "undo", r: "restart", s: "slow", h: "help" };

const by = (id) => document.getElementById(id);
const pairs = new Pairs((pair, segment) => failed(pair, segment));
let player = null; // once the run has said what its clips are
let shown = null; // the pair on the screen
let trouble = false; // the run doesn't answer
let ended = false; // the run, for good
let held = 0; // when the run was last told what is held
let board = null;
let session = null;
let begun = performance.now();
let refilling = null;

const outbox = new Outbox({
  onRefused: (entry, error) => say(error.message),
  onWaiting: (error) => lost(error),
});

let saying = 0; // timer
function say(sentence, bad = false) {
  clearTimeout(saying);
  by("message").textContent = sentence;
  by("message").classList.toggle("trouble", bad);
  if (!bad && sentence) saying = setTimeout(() => say(""), SAID_MS);
}

function lost(error) {
  if (!error && outbox.waiting) return; // something else got through
  if (!error && trouble) say("The run is back.");
  trouble = Boolean(error);
  if (trouble && !ended) say("The run doesn’t answer at the moment. Your answers are kept here and sent as soon as it is back.", true);
}

function failed(pair, segment) {
  pairs.drop(pair.query_id);
  outbox.add("api/failures", { page: pairs.page, query_id: pair.query_id, segment_id: segment });
  say("A clip could not be played; here is another pair.");
  if (shown === pair) show();
}

async function refill() {
  refilling ??= pairs.refill(outbox.pending()).then(() => lost(null), (error) => {
    if (error instanceof Refused && error.status === 401) location.reload();
    lost(error);
  }).finally(() => { refilling = null; held = performance.now(); });
  await refilling;
  if (!shown && !ended) show();
}

async function show() {
  const pair = pairs.current;
  shown = pair;
  player.wait(); // what is still on the screen is answered already
  by("step").value = 0;
  by("pair").hidden = !pair;
  by("nothing").hidden = Boolean(pair);
  if (!pair) {
    player.clear();
    by("nothing").textContent = why();
    return;
  }
  try {
    const blobs = await pairs.blobs(pair);
    if (shown === pair) player.show(blobs);
  } catch { /* the clip could not be had: the pair was given back */ }
}

function why() {
  const clock = pairs.until ? new Date(1000 * pairs.until).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }) : "";
  return {
    budget: "All answers that were wanted are given. Thank you! The robot goes on learning by itself.",
    held: `${pairs.heldByOthers === 1 ? "One pair is" : `${pairs.heldByOthers} pairs are`} held by others, until ${clock} at the latest. It goes on by itself.`,
    excluded: "Your answers aren’t used at the moment; ask whoever runs the study.",
    collecting: "The robot is trying things out. There will be something to compare in a moment.",
  }[pairs.reason] ?? "One moment…";
}

function choose(choice) {
  if (!shown || shown !== pairs.current || !player?.ready) return;
  const seconds = player.seconds;
  const answerId = newId();
  const button = by(choice);
  button.classList.add("lit");
  setTimeout(() => button.classList.remove("lit"), 250);
  outbox.add("api/answers", { answer_id: answerId, query_id: shown.query_id, left: shown.left, right: shown.right, choice, seconds });
  pairs.answered(answerId);
  show();
  refill();
  rest();
}

function undo() {
  if (ended) return;
  const answerId = pairs.undone();
  if (!answerId) return say("There is nothing to take back.");
  outbox.add("api/undo", { page: pairs.page, answer_id: answerId });
  say("Your last answer is taken back.");
  show();
}

function rest() {
  const minutes = (performance.now() - begun) / 60000;
  if (session?.pause_minutes && minutes >= session.pause_minutes) {
    begun = performance.now();
    say(`You have been at it for ${Math.round(minutes)} minutes: a pause does you and the robot good.`);
  }
}

const STEP = 50; // of the slider's thousand
function step(change) {
  if (!player?.stepping) return;
  by("step").value = Number(by("step").value) + change;
  player.stepTo(by("step").value / 1000);
}

addEventListener("late", lost);

const actions = {
  left: () => choose("left"),
  right: () => choose("right"),
  equal: () => choose("equal"),
  cant_tell: () => choose("cant_tell"),
  undo,
  restart: () => player?.restart(),
  slow: () => by("slow").setAttribute("aria-pressed", String(player?.slow() ?? false)),
  help: () => by("helping").showModal(),
  back: () => step(-STEP),
  on: () => step(STEP),
};
for (const [id, action] of Object.entries(actions)) by(id)?.addEventListener("click", action); // stepping has a slider instead
by("step").addEventListener("input", (event) => player?.stepTo(event.target.value / 1000));
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || by("helping").open) return;
  if (event.target instanceof HTMLInputElement && event.target.type !== "range") return;
  const action = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!action) return;
  event.preventDefault();
  actions[action]();
});
addEventListener("pagehide", (event) => {
  if (event.persisted || !pairs.held.length) return;
  // A reload takes the same pairs up again; a page that is closed lets go of them.
  const holding = pairs.held.map((pair) => pair.query_id);
  fetch("api/leave", { method: "POST", keepalive: true, headers: { "content-type": "application/json" }, body: JSON.stringify({ page: pairs.page, holding }) }).catch(() => {});
});

function farewell() {
  ended = true;
  say("");
  pairs.clear();
  show();
  by("nothing").textContent = "The run has ended: the robot has learned from all answers. Thank you!";
}

async function loop() {
  if (pairs.held.length < 2 || performance.now() - held > HOLD_MS) await refill();
  if (!shown) by("nothing").textContent = why();
  const standing = await board.refresh().then((told) => (lost(null), told), lost);
  if (standing?.ended) return farewell();
  setTimeout(loop, REFRESH_MS);
}

async function begin() {
  try {
    session = await call("api/session");
  } catch (error) {
    lost(error);
    return void setTimeout(begin, REFRESH_MS);
  }
  by("sentence").textContent = session.sentence;
  try {
    player = new Player([by("left"), by("right")], session, (side) => {
      const pair = pairs.current;
      if (pair) failed(pair, side === 0 ? pair.left : pair.right);
    });
  } catch (error) {
    return void say(error.message, true);
  }
  by("stepping").hidden = !player.stepping;
  board = new Board(session);
  pairs.keep();
  show();
  loop();
}

begin();
