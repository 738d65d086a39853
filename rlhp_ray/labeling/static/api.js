// Calls to the run, and the outbox: what a person said is kept here until the run has acknowledged it.

export class Refused extends Error {
  constructor(status, sentence) {
    super(sentence);
    this.status = status;
  }
}

const LATE_MS = 2500; // a call that takes longer is told of by an event of this name, and still waited for

export async function call(path, body) {
  const options = body === undefined ? {} : {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  };
  const late = setTimeout(() => dispatchEvent(new Event("late")), LATE_MS);
  const response = await fetch(path, { ...options, signal: AbortSignal.timeout(15000) }).finally(() => clearTimeout(late));
  if (response.ok) return response.json();
  const said = await response.json().catch(() => ({}));
  throw new Refused(response.status, typeof said.detail === "string" ? said.detail : response.statusText);
}

const KEY = `rlhp_ray.outbox${location.pathname}`; // several runs may have one origin
const RETRY_MS = 1500;

export function newId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

// Without HTTPS a browser has locks on its own machine only; elsewhere each tab has its own turn, and what two tabs send
// twice is taken once.
let last = Promise.resolve();
function inTurn(work) {
  if (navigator.locks) navigator.locks.request(KEY, work);
  else last = last.then(work, work);
}

// Sends in order; survives a reload, a slow network and a server that is away. Tabs take turns by a lock.
export class Outbox {
  constructor({ onRefused, onWaiting }) {
    Object.assign(this, { onRefused, onWaiting, waiting: false }); // `waiting`: the run didn’t take the last one
    this.pump();
  }

  entries() {
    return JSON.parse(localStorage.getItem(KEY) ?? "[]");
  }

  // Queries whose answers the run hasn't acknowledged yet.
  pending() {
    return this.entries().filter((entry) => entry.path === "api/answers").map((entry) => entry.body.query_id);
  }

  add(path, body) {
    localStorage.setItem(KEY, JSON.stringify([...this.entries(), { id: newId(), path, body }]));
    this.pump();
  }

  pump() {
    inTurn(async () => {
      for (let [entry] = this.entries(); entry; [entry] = this.entries()) {
        try {
          await call(entry.path, entry.body);
          this.remove(entry);
          this.waiting = false;
          this.onWaiting(null);
        } catch (error) {
          if (error instanceof Refused && [403, 409, 422].includes(error.status)) {
            this.remove(entry);
            this.onRefused(entry, error);
            continue;
          }
          this.waiting = true;
          this.onWaiting(error);
          await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
        }
      }
    });
  }

  remove(entry) {
    localStorage.setItem(KEY, JSON.stringify(this.entries().filter((kept) => kept.id !== entry.id)));
  }
}
