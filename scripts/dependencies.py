"""Writes docs/dependencies.md: every package of requirements.lock, what it is there for, its licence, when looked at.

    python scripts/dependencies.py [--check]

A package whose version is in the page already keeps its date; one that is new or changed gets today's, so that whoever
changes the lock reads the page's difference. --check only says whether the page has all of the lock.
"""

from __future__ import annotations

import collections
import datetime
import importlib.metadata
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "dependencies.md"
HEAD = """\
# Dependencies

Every package of `requirements.lock`, written by `make docs`: what it is there for (reasons are pyproject.toml's), the
licence that it declares, and when this version was looked at. That is a review of what is installed and why, no search
for vulnerabilities: for that, `pip-audit -r requirements.lock` where the network allows it.

| package | version | there for | licence | looked at |
|---|---|---|---|---|
"""
ROW = re.compile(r"\| ([a-z0-9-]+) \| (\S+) \| .* \| (\d{4}-\d\d-\d\d) \|")


def main() -> int:
    """Write or check the page; 1 where it lacks something."""
    known = (
        {m[1]: (m[2], m[3]) for m in map(ROW.fullmatch, PAGE.read_text().splitlines()) if m} if PAGE.exists() else {}
    )
    pins = dict(line.split("==") for line in (ROOT / "requirements.lock").read_text().splitlines() if "==" in line)
    if "--check" in sys.argv:
        wrong = sorted(name for name in pins.keys() | known.keys() if known.get(name, ("",))[0] != pins.get(name))
        print(
            f"docs/dependencies.md: {', '.join(wrong)}: type `make docs`."
            if wrong
            else "docs/dependencies.md: complete"
        )
        return int(bool(wrong))
    today = datetime.date.today().isoformat()
    reasons, askers = reasons_of_project(), asked_by(pins)
    lines = list[str]()
    for name, version in pins.items():
        date = known[name][1] if known.get(name, ("",))[0] == version else today
        why = reasons.get(name) or "needed by " + ", ".join(
            sorted(askers[name])[:4] or ["a package for other machines"]
        )
        lines.append(f"| {name} | {version} | {why} | {licence(name)} | {date} |\n")
    PAGE.write_text(HEAD + "".join(lines), encoding="utf-8")
    return 0


def canonical(name: str) -> str:
    """PyPI's one spelling."""
    return re.sub(r"[-_.]+", "-", name).lower()


def reasons_of_project() -> dict[str, str]:
    """The comments in pyproject.toml behind what is asked for."""
    found = re.findall(r'^    "([A-Za-z0-9_-]+)[^"]*", +# (.+)$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    return {canonical(name): reason for name, reason in found}


def asked_by(pins: dict[str, str]) -> dict[str, set[str]]:
    """Who needs a package; where nobody does as it is, who does with one of its extras."""
    always: dict[str, set[str]] = collections.defaultdict(set)
    with_extra: dict[str, set[str]] = collections.defaultdict(set)
    for name in pins:
        for requirement in importlib.metadata.requires(name) or []:
            askers = with_extra if "extra ==" in requirement else always
            askers[canonical(re.split(r"[^A-Za-z0-9_.-]", requirement)[0])].add(name)
    return {name: always[name] or with_extra[name] for name in pins}


def licence(name: str) -> str:
    """As the package declares it, in a few words."""
    about = importlib.metadata.metadata(name)
    said = about["License-Expression"] or next(
        (line.rpartition(" :: ")[2] for line in about.get_all("Classifier") or [] if line.startswith("License ::")), ""
    )
    return str(said or (about["License"] or "not declared").splitlines()[0])[:60]


if __name__ == "__main__":
    sys.exit(main())
