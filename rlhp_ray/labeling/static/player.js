// Two clips that play in step, again and again.

import { PosesView, VideoView } from "./views.js";

const READY_MS = 300; // both must have been decodable for so long before an answer counts: nobody judges a blank clip

export class Player {
  // `session`: what the run said of its clips.
  constructor(buttons, session, onFailure) {
    this.buttons = buttons;
    this.rate = 1;
    this.readyAt = null; // when both became decodable
    this.stepping = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const View = session.scene ? PosesView : VideoView;
    this.views = buttons.map((button, side) => new View(button, {
      onReady: () => this.loaded(),
      onEnd: () => this.again(),
      onFailure: () => onFailure(side),
    }, session));
  }

  // Nothing can be answered until the next clips are there.
  wait() {
    this.readyAt = null;
    for (const button of this.buttons) button.classList.add("waiting");
  }

  show(blobs) {
    this.views.forEach((view) => view.clear());
    this.views.forEach((view, side) => view.show(blobs[side]));
  }

  clear() {
    this.wait();
    for (const view of this.views) view.clear();
  }

  loaded() {
    if (!this.views.every((view) => view.decodable)) return;
    this.readyAt ??= performance.now();
    for (const button of this.buttons) button.classList.remove("waiting");
    this.restart();
  }

  get ready() {
    return this.readyAt !== null && performance.now() - this.readyAt >= READY_MS;
  }

  get seconds() {
    return (performance.now() - this.readyAt) / 1000;
  }

  again() {
    if (this.views.every((view) => view.ended)) this.restart();
  }

  restart() {
    if (this.readyAt === null) return;
    for (const view of this.views) view.play(this.rate, !this.stepping);
  }

  slow() {
    this.rate = this.rate === 1 ? 0.5 : 1;
    this.restart();
    return this.rate !== 1;
  }

  stepTo(share) {
    if (this.readyAt === null) return;
    for (const view of this.views) view.stepTo(share);
  }
}
