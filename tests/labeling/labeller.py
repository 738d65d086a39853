"""Somebody at the page in a browser, for the tests."""

from __future__ import annotations

import json
import time
from typing import Any

from playwright.sync_api import Page, Request, Response

READY = "!document.querySelector('.clip.waiting') && !document.querySelector('#pair').hidden"
SAID = """new MutationObserver(() => {
  const said = document.getElementById("message")?.textContent;
  if (said && window.said?.at(-1) !== said) (window.said ??= []).push(said);
}).observe(document, { subtree: true, childList: true, characterData: true });"""
ANSWER_MS = 20_000  # of the tests, on a machine that is busy


class Labeller:
    """Somebody at a page: presses keys, and knows by the browser's requests what was sent, be it by another tab."""

    def __init__(self, page: Page, link: str) -> None:
        self.page = page
        self.sent: list[dict[str, Any]] = []  # answers, by the first request that carried them
        self.longest: dict[str, float] = {}  # of an answer: seconds from whatever brought its pair up to the key
        self.acknowledged: list[str] = []  # ids of answers
        self._last = time.monotonic()  # when that was
        page.context.on("request", self._note)
        page.context.on("response", self._note_response)
        page.add_init_script(SAID)
        page.goto(link)

    def press(self, key: str) -> dict[str, Any]:
        """Answer the pair on the screen once it can be; what was sent."""
        before, shown_after = len(self.sent), self._last
        self.ready()
        self._last = time.monotonic()
        self.page.keyboard.press(key)
        longest = time.monotonic() - shown_after
        self.until(lambda: len(self.sent) > before)
        self.longest[self.sent[-1]["answer_id"]] = longest
        return self.sent[-1]

    def undo(self) -> None:
        """Take the last answer back; its pair comes up again."""
        self.ready()
        self._last = time.monotonic()
        self.page.keyboard.press("Backspace")
        self.ready()

    def reload(self) -> None:
        """As the browser does."""
        self._last = time.monotonic()
        self.page.reload()

    def ready(self) -> None:
        """Return once both clips have been decodable for 300 ms."""
        self.until(lambda: self.page.evaluate(READY))
        self.page.wait_for_timeout(320)

    def until(self, condition: Any) -> None:
        """Wait, and let the page's events come in."""
        for _ in range(ANSWER_MS // 50):
            if condition():
                return
            self.page.wait_for_timeout(50)
        raise AssertionError(f"not within {ANSWER_MS} ms; the page says {self.page.inner_text('main')!r}")

    @property
    def said(self) -> list[str]:
        """What the page told in a sentence so far, since it was loaded."""
        return list(self.page.evaluate("window.said ?? []"))

    def _note_response(self, response: Response) -> None:
        if response.url.endswith("/api/answers") and response.ok:
            self.acknowledged.append(json.loads(response.request.post_data or "{}")["answer_id"])

    def _note(self, request: Request) -> None:
        if request.url.endswith("/api/answers"):
            answer = json.loads(request.post_data or "{}")
            if answer["answer_id"] not in {one["answer_id"] for one in self.sent}:
                self.sent.append(answer)
