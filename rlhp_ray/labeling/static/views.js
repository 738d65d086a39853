// One clip on the screen: a video, or poses that are drawn here. Both: `decodable`, `show(blob)`, `clear`, `play`,
// `stepTo(share)`, `ended`.

import { Scene } from "./scene.js";

export class VideoView {
  constructor(button, { onReady, onEnd, onFailure }) {
    this.element = button.querySelector("video");
    this.element.hidden = false;
    this.element.addEventListener("ended", onEnd);
    this.element.addEventListener("loadeddata", onReady);
    this.element.addEventListener("error", () => this.url && onFailure());
    this.url = null;
  }

  get decodable() {
    return this.element.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA;
  }

  get ended() {
    return this.element.ended || this.element.paused;
  }

  show(blob) {
    this.clear();
    this.url = URL.createObjectURL(new Blob([blob], { type: "video/mp4" }));
    this.element.src = this.url;
  }

  clear() {
    if (!this.url) return;
    URL.revokeObjectURL(this.url);
    this.url = null;
    this.element.removeAttribute("src");
    this.element.load();
  }

  play(rate, moving) {
    this.element.currentTime = 0;
    this.element.playbackRate = rate;
    if (moving) this.element.play().catch(() => {}); // a browser that refuses to play shows the first frame
  }

  stepTo(share) {
    this.element.pause();
    this.element.currentTime = share * this.element.duration;
  }
}

export class PosesView {
  constructor(button, { onReady, onEnd, onFailure }, session) {
    this.element = button.querySelector("canvas");
    this.element.hidden = false;
    this.scene = new Scene(this.element, session.scene);
    this.scene.redraw = () => this.poses && this.draw();
    this.rate = session.frames_per_second;
    Object.assign(this, { onReady, onEnd, onFailure, poses: null, frame: 0, playing: 0 });
    new ResizeObserver(() => this.poses && this.draw()).observe(this.element);
  }

  get decodable() {
    return this.poses !== null;
  }

  get ended() {
    return !this.playing;
  }

  get frames() {
    return this.poses.length / this.scene.floats;
  }

  async show(blob) {
    this.clear();
    this.shown = blob;
    const bytes = await blob.arrayBuffer();
    if (this.shown !== blob) return;
    if (!bytes.byteLength || bytes.byteLength % (4 * this.scene.floats)) return this.onFailure();
    this.poses = new Float32Array(bytes);
    this.draw();
    this.onReady();
  }

  clear() {
    cancelAnimationFrame(this.playing);
    [this.shown, this.poses, this.frame, this.playing] = [null, null, 0, 0];
  }

  play(rate, moving) {
    cancelAnimationFrame(this.playing);
    this.playing = 0;
    this.frame = 0;
    this.draw();
    if (!moving) return;
    const begun = performance.now();
    const next = (now) => {
      const frame = Math.max(0, now - begun) / 1000 * rate * this.rate;
      if (frame >= this.frames) {
        this.playing = 0;
        return this.onEnd();
      }
      this.playing = requestAnimationFrame(next);
      this.frame = frame;
      this.draw();
    };
    this.playing = requestAnimationFrame(next);
  }

  stepTo(share) {
    cancelAnimationFrame(this.playing);
    this.playing = 0;
    this.frame = share * (this.frames - 1);
    this.draw();
  }

  // Between two frames shapes move evenly: smoother than the simulator's steps on a fast screen.
  draw() {
    const { floats } = this.scene;
    const [one, part] = [Math.min(Math.floor(this.frame), this.frames - 1), this.frame % 1];
    const other = Math.min(one + 1, this.frames - 1);
    const [a, b] = [one, other].map((frame) => this.poses.subarray(frame * floats, (frame + 1) * floats));
    this.scene.draw(a.map((value, index) => value + part * (b[index] - value)));
  }
}
