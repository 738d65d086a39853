// What the person taught: figures, curves, news, the newest episode; for a researcher the study.

import { call } from "./api.js";

const CURVES = [
  ["predicted_return", "what it thinks an episode is worth", (value) => number(value, 0)],
  ["fresh_accuracy", "new answers that it had guessed", (value) => share(value)],
  ["labels", "answers", (value) => number(value)],
  ["true_return", "true return", (value) => number(value, 0)],
  ["disagreement", "how far the predictors differ", (value) => share(value)],
];
const by = (id) => document.getElementById(id);
const number = (value, digits = 0) => value === null || value === undefined ? "–" : value.toLocaleString("en", { maximumFractionDigits: digits });
const share = (value) => value === null || value === undefined ? "–" : `${number(100 * value)} %`;

export class Board {
  constructor(session) {
    this.researcher = session.role === "researcher";
    this.episodeOf = null;
    by("study").hidden = !this.researcher;
    const video = by("episode").querySelector("video");
    const follow = () => {
      by("now").style.left = `${100 * (video.currentTime / video.duration || 0)}%`;
      if (!video.paused) requestAnimationFrame(follow);
    };
    for (const event of ["play", "seeked"]) video.addEventListener(event, follow);
    by("invite").addEventListener("submit", (event) => this.invite(event));
  }

  async refresh() {
    const standing = await call("api/standing");
    by("own").textContent = number(standing.own_answers);
    by("pace").textContent = number(standing.own_seconds, 1);
    by("labels").textContent = `${number(standing.labels)} of ${number(standing.budget_labels)}`;
    by("queue").textContent = number(standing.open);
    by("seen").textContent = standing.seen_fraction === null ? "–" : `${number(100 * standing.seen_fraction, 1)} %`;
    by("doubt").hidden = standing.doubt === null;
    by("doubt").textContent = standing.doubt ? `Careful: ${standing.doubt.reason}` : "";
    this.draw(standing.curves);
    by("news").replaceChildren(...standing.news.map((line) => Object.assign(document.createElement("li"), { textContent: line })));
    if (standing.episode !== this.episodeOf) await this.showEpisode(standing);
    if (this.researcher) await this.people();
    return standing;
  }

  draw(curves) {
    const figures = CURVES.filter(([name]) => (curves[name] ?? []).length > 1).map(([name, title, format]) => {
      const figure = document.createElement("figure");
      const caption = document.createElement("figcaption");
      const points = curves[name];
      caption.textContent = `${title}: ${format(points.at(-1)[1])}`;
      figure.append(line(points, title), caption);
      return figure;
    });
    by("curves").replaceChildren(...figures);
  }

  // As a whole: then its controls reach every moment of it.
  async showEpisode(standing) {
    const response = await fetch("api/episode.mp4");
    if (!response.ok) return;
    const film = await response.blob();
    this.episodeOf = standing.episode;
    by("episode").hidden = false;
    const video = by("episode").querySelector("video");
    URL.revokeObjectURL(video.src);
    video.src = URL.createObjectURL(film);
    if (!matchMedia("(prefers-reduced-motion: reduce)").matches) video.autoplay = true;
    const rewards = standing.episode_rewards ?? [];
    by("rewards").replaceChildren(...line(rewards.map((reward, index) => [index, reward]), "").childNodes);
  }

  async people() {
    const { people, fleiss_kappa: kappa } = await call("api/people");
    const table = document.createElement("table");
    const head = table.createTHead().insertRow();
    for (const title of ["name", "answers", "seconds", "chose left", "agrees with others", "Cohen’s κ", "same again", ""]) head.append(Object.assign(document.createElement("th"), { textContent: title }));
    const body = table.createTBody();
    for (const one of people) {
      const row = body.insertRow();
      for (const cell of [one.teacher, number(one.answers), number(one.seconds, 1), share(one.left_share), share(one.agreement), number(one.kappa, 2), share(one.consistency)]) row.insertCell().textContent = cell;
      const button = Object.assign(document.createElement("button"), { type: "button", textContent: one.excluded ? "take in" : "exclude" });
      button.addEventListener("click", async () => {
        await call("api/people/excluded", { name: one.teacher, excluded: !one.excluded });
        button.blur(); // the table is made anew
        await this.people();
      });
      row.insertCell().append(button);
    }
    const caption = table.createCaption();
    caption.textContent = `Agreement of all: Fleiss’ κ ${number(kappa, 2)}`;
    if (!by("people").contains(document.activeElement)) by("people").replaceChildren(table);
  }

  async invite(event) {
    event.preventDefault();
    const form = event.target;
    const { token } = await call("api/invitations", { name: form.elements.name.value, role: "annotator" });
    form.querySelector("output").textContent = `${location.origin}${location.pathname}?token=${token}`;
  }
}

function line(points, title) {
  const name = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(name, "svg");
  svg.setAttribute("viewBox", "0 0 300 60");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", title);
  if (points.length < 2) return svg;
  const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
  const [left, right, low, high] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const at = ([x, y]) => `${(300 * (x - left) / (right - left || 1)).toFixed(1)},${(56 - 52 * (y - low) / (high - low || 1)).toFixed(1)}`;
  const path = document.createElementNS(name, "polyline");
  path.setAttribute("points", points.map(at).join(" "));
  path.setAttribute("fill", "none");
  path.setAttribute("stroke", "currentColor");
  path.setAttribute("vector-effect", "non-scaling-stroke");
  path.setAttribute("stroke-width", "1.5");
  svg.append(path);
  return svg;
}
