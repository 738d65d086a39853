// The pairs that this page holds: the one that is looked at, those fetched ahead, and the last answered ones for undo.

import { call, newId } from "./api.js";

const KEY = `rlhp_ray.pairs${location.pathname}`; // of this tab: a reload goes on with the same pairs, and may undo
const UNDO = 10;
const PAGE = `${KEY}.page`;

export class Pairs {
  constructor(onFailure) {
    this.onFailure = onFailure;
    this.page = sessionStorage.getItem(PAGE) ?? newId();
    sessionStorage.setItem(PAGE, this.page);
    // `held`: pairs; `done`: {pair, answerId}, newest last
    Object.assign(this, { held: [], done: [] }, JSON.parse(sessionStorage.getItem(KEY) ?? "{}"));
    this.clips = new Map(); // segment id -> promise of a blob
    this.reason = "";
    this.heldByOthers = 0;
    this.until = null;
  }

  get current() {
    return this.held[0] ?? null;
  }

  // Tell the run what is held, and take what it gives; `pending`: queries whose answers are on their way.
  async refill(pending) {
    const holding = this.held.map((pair) => pair.query_id);
    const said = await call("api/pairs", { page: this.page, holding: [...holding, ...pending].slice(0, 64) });
    // What somebody else has answered meanwhile goes, but not from under the person's eyes.
    const lost = new Set(holding.filter((id) => !said.kept.includes(id)));
    this.held = this.held.filter((pair, place) => place === 0 || !lost.has(pair.query_id));
    const known = new Set([...this.held.map((pair) => pair.query_id), ...pending]);
    this.held.push(...said.pairs.filter((pair) => !known.has(pair.query_id)));
    [this.reason, this.heldByOthers, this.until] = [said.reason, said.held, said.until];
    this.keep();
  }

  answered(answerId) {
    this.done.push({ pair: this.held.shift(), answerId });
    if (this.done.length > UNDO) this.done.shift();
    this.keep();
  }

  undone() {
    const last = this.done.pop();
    if (!last) return null;
    this.held.unshift(last.pair);
    this.keep();
    return last.answerId;
  }

  drop(queryId) {
    this.held = this.held.filter((pair) => pair.query_id !== queryId);
    this.keep();
  }

  clear() {
    this.held = [];
    this.keep();
  }

  keep() {
    sessionStorage.setItem(KEY, JSON.stringify({ held: this.held, done: this.done }));
    const wanted = new Set([...this.held, ...this.done.map((one) => one.pair)].flatMap((pair) => [pair.left, pair.right]));
    for (const id of wanted) if (!this.clips.has(id)) this.clips.set(id, this.fetch(id));
    for (const id of this.clips.keys()) if (!wanted.has(id)) this.clips.delete(id);
  }

  // A clip that the run can't give now is waited for; one that it doesn't have is a failure.
  async fetch(id) {
    for (;;) {
      const response = await fetch(`api/clips/${id}`).catch(() => null);
      if (response?.ok) return response.blob();
      if (response && response.status < 500 && response.status !== 429) break;
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
    this.clips.delete(id);
    for (const pair of this.held.filter((one) => one.left === id || one.right === id)) this.onFailure(pair, id);
    throw new Error(`no clip of ${id}`);
  }

  blobs(pair) {
    return Promise.all([this.clips.get(pair.left), this.clips.get(pair.right)]);
  }
}
