"""How far teachers agree with each other and with themselves, how fast they are, and whether they favour a side.

Statistics over the answers in force, for the labelling page and the metrics. Cohen 1960, "A coefficient of agreement
for nominal scales"; Fleiss 1971, "Measuring nominal scale agreement among many raters", with as many raters for each
query as gave an answer. Categories: the query's first clip is better, its second is, equal, can't tell.
"""

from __future__ import annotations

import collections
import dataclasses
import itertools
import statistics
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from rlhp_ray.types import Answer, Choice, Query

LEAST_SHARED = 10  # queries, before a person's figures say anything
CATEGORIES = ("first", "second", "equal", "cant_tell")


@dataclasses.dataclass(frozen=True, slots=True)
class TeacherFigures:
    """One teacher's."""

    teacher: str
    answers: int  # in force
    seconds: float | None  # median of an answer
    left_share: float | None  # of the answers that prefer a side; 0.5 where no side is favoured
    shared: int  # queries that others answered too
    agreement: float | None  # share of the pairs of answers with others that say the same
    kappa: float | None  # Cohen's, over all pairs with others; 0: as by chance
    repeated: int  # queries answered twice
    consistency: float | None  # share of those that were answered alike


@dataclasses.dataclass(frozen=True, slots=True)
class Agreement:
    """Of all teachers."""

    fleiss_kappa: float | None  # over the queries that two or more teachers answered
    shared: int  # of those
    teachers: tuple[TeacherFigures, ...]  # by name

    def summary(self) -> dict[str, float | None]:
        """As metrics of the run: who agrees least counts, over people with ten shared queries or more."""
        known = [one for one in self.teachers if one.shared >= LEAST_SHARED]
        repeated = sum(one.repeated for one in self.teachers)
        consistent = sum(one.repeated * (one.consistency or 0.0) for one in self.teachers)
        return {
            "people/count": float(len(self.teachers)),
            "people/seconds": statistics.median(s) if (s := _known(one.seconds for one in self.teachers)) else None,
            "people/fleiss_kappa": self.fleiss_kappa,
            "people/least_kappa": min(_known(one.kappa for one in known), default=None),
            "people/self_consistency": consistent / repeated if repeated else None,
            "people/side_bias": max((abs(s - 0.5) for s in _known(one.left_share for one in known)), default=None),
        }


def category(answer: Answer, query: Query) -> int:
    """Which of CATEGORIES the answer says, whichever clip stood left."""
    if answer.choice in (Choice.EQUAL, Choice.CANT_TELL):
        return 2 if answer.choice is Choice.EQUAL else 3
    better = answer.left if answer.choice is Choice.LEFT else answer.right
    return 0 if better == query.first else 1


def cohens_kappa(pairs: Sequence[tuple[int, int]]) -> float | None:
    """Of pairs of categories by two raters; None where chance alone agrees always, or there is none."""
    if not pairs:
        return None
    table = np.zeros((len(CATEGORIES), len(CATEGORIES)))
    for one, other in pairs:
        table[one, other] += 1
    table /= table.sum()
    by_chance = float(table.sum(0) @ table.sum(1))
    return None if by_chance >= 1 else (float(np.trace(table)) - by_chance) / (1 - by_chance)


def fleiss_kappa(counts: npt.NDArray[np.int64]) -> float | None:
    """Of counts [queries, categories] of two or more raters each; None where chance alone agrees always."""
    if not len(counts):
        return None
    raters = counts.sum(1)
    agreed = ((counts**2).sum(1) - raters) / (raters * (raters - 1))
    by_chance = float(((counts.sum(0) / raters.sum()) ** 2).sum())
    return None if by_chance >= 1 else (float(agreed.mean()) - by_chance) / (1 - by_chance)


def agreement(answers: Iterable[Answer], queries: Mapping[str, Query]) -> Agreement:
    """Over these answers in force, given as they were accepted."""
    by_query: dict[str, dict[str, list[int]]] = {}  # query -> teacher -> categories, as accepted
    own: dict[str, list[Answer]] = {}
    for answer in answers:
        said = by_query.setdefault(answer.query_id, {}).setdefault(answer.teacher, [])
        said.append(category(answer, queries[answer.query_id]))
        own.setdefault(answer.teacher, []).append(answer)
    shared = [[said[0] for said in by_teacher.values()] for by_teacher in by_query.values() if len(by_teacher) > 1]
    counts = [[said.count(category) for category in range(len(CATEGORIES))] for said in shared]
    pairs: dict[str, list[tuple[int, int]]] = collections.defaultdict(list)
    with_others: collections.Counter[str] = collections.Counter()
    repeats: dict[str, list[bool]] = collections.defaultdict(list)
    for by_teacher in by_query.values():
        for one, other in itertools.permutations(by_teacher, 2):
            pairs[one].append((by_teacher[one][0], by_teacher[other][0]))
        for teacher, said in by_teacher.items():
            with_others[teacher] += len(by_teacher) > 1
            if len(said) > 1:
                repeats[teacher].append(said[0] == said[1])
    return Agreement(
        fleiss_kappa=fleiss_kappa(np.array(counts, dtype=np.int64).reshape(-1, len(CATEGORIES))),
        shared=len(shared),
        teachers=tuple(
            TeacherFigures(
                teacher=teacher,
                answers=len(given),
                seconds=statistics.median(answer.seconds for answer in given),
                left_share=_share([a.choice is Choice.LEFT for a in given if a.choice in (Choice.LEFT, Choice.RIGHT)]),
                shared=with_others[teacher],
                agreement=_share([one == other for one, other in pairs[teacher]]),
                kappa=cohens_kappa(pairs[teacher]),
                repeated=len(repeats[teacher]),
                consistency=_share(repeats[teacher]),
            )
            for teacher, given in sorted(own.items())
        ),
    )


def _known(figures: Iterable[float | None]) -> list[float]:
    return [figure for figure in figures if figure is not None]


def _share(said: Sequence[bool]) -> float | None:
    return sum(said) / len(said) if said else None
