"""The command line. Exit status: 0 done; 2 the user's mistake, said in a sentence; 1 anything else."""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import sys
from collections.abc import Sequence

from rlhp_ray.errors import RlhpRayError, UserError

# Nothing calls out, and a cluster started here makes no token files, unless the caller says so.
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("RAY_AUTH_MODE", "disabled")
# Ray's C++ processes warn of RLlib's own ways on every start; Python errors are not affected.
os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        status: int = options.command(options)
        return status
    except UserError as error:
        print(f"rlhp-ray: {error}", file=sys.stderr)
        return 2
    except RlhpRayError as error:
        print(f"rlhp-ray: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("rlhp-ray: stopped at once; `rlhp-ray resume` goes on from the last checkpoint.", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="rlhp-ray", description="Teach agents by comparisons of their behaviour.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    train = commands.add_parser("train", help="begin a run", description="Begin a run from a config.")
    train.add_argument("config", metavar="CONFIG", help="a YAML file")
    train.add_argument("overrides", nargs="*", metavar="field.path=value", help="replaces the file's value")
    train.add_argument("--check", action="store_true", help="only check the config and the task")
    train.add_argument("--print-config", action="store_true", help="only print the resolved config")
    train.set_defaults(command=_train)

    resume = commands.add_parser("resume", help="go on with a run")
    resume.add_argument("run", metavar="RUN", help="a run's folder")
    resume.add_argument("overrides", nargs="*", metavar="ray.field=value", help="of another cluster, for good")
    resume.set_defaults(command=_resume)

    status = commands.add_parser("status", help="how a run stands, alive or not, from its folder")
    status.add_argument("run", metavar="RUN", help="a run's folder")
    status.add_argument("--json", action="store_true", help="print JSON")
    status.set_defaults(command=_status)

    label = commands.add_parser("label", help="a link to the labelling page of a run that people teach")
    label.add_argument("run", metavar="RUN", help="a run's folder")
    label.add_argument("--name", default="researcher", help="whose link it is; answers are signed with it")
    label.add_argument(
        "--annotator", action="store_true", help="for somebody who only answers; else they may run the study too"
    )
    label.set_defaults(command=_label)

    evaluate = commands.add_parser("evaluate", help="a run's policy on the true reward")
    evaluate.add_argument("run", metavar="RUN", help="a run's folder")
    evaluate.add_argument("--episodes", type=_positive, default=20, metavar="N")
    evaluate.add_argument("--video", type=pathlib.Path, metavar="FILE", help="write an mp4 of the first episode")
    evaluate.add_argument("--json", action="store_true", help="print JSON")
    evaluate.set_defaults(command=_evaluate)

    export = commands.add_parser("export", help="a run's answers, clips, predictor and policy as files")
    export.add_argument("run", metavar="RUN", help="a run's folder")
    export.add_argument("-o", "--output", type=pathlib.Path, required=True, metavar="DIR")
    export.set_defaults(command=_export)

    report = commands.add_parser("report", help="one page that compares runs, with curves, notes and videos")
    report.add_argument("runs", nargs="+", metavar="RUN", help="a run's folder, a result's JSON, or a sweep")
    report.add_argument("-o", "--output", type=pathlib.Path, required=True, metavar="FILE.html|FILE.md")
    report.set_defaults(command=_report)

    sweep = commands.add_parser("sweep", help="tasks x conditions x seeds; goes on where it was stopped")
    sweep.add_argument("file", type=pathlib.Path, metavar="FILE", help="a YAML file (docs/comparing.md)")
    sweep.add_argument("--check", action="store_true", help="only check the file and list its runs")
    sweep.set_defaults(command=_sweep)

    doctor = commands.add_parser("doctor", help="check this machine, and say what to do")
    doctor.add_argument("--address", metavar="ADDRESS", help="of a Ray cluster to look at too")
    doctor.set_defaults(command=_doctor)
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number above 0")
    return number


# Heavy imports stay inside the commands, so that --help and a wrong config answer at once.


def _train(options: argparse.Namespace) -> int:
    from rlhp_ray.config.load import dump, load_config

    config = load_config(options.config, options.overrides)
    if options.print_config:
        print(dump(config), end="")
        return 0
    if options.check:
        from rlhp_ray.experiment.run import check

        check(config)
        print(f"{options.config} is a valid config of the task {config.task}.")
        return 0
    from rlhp_ray.experiment.run import begin
    from rlhp_ray.telemetry import Console

    with Console(f"{config.run.name}: {config.task}") as console:
        begin(config, console)
    return 0


def _resume(options: argparse.Namespace) -> int:
    from rlhp_ray.experiment.run import resume
    from rlhp_ray.telemetry import Console

    with Console(f"resuming {options.run}") as console:
        resume(options.run, console, options.overrides)
    return 0


def _status(options: argparse.Namespace) -> int:
    from rlhp_ray.cli.status import print_status

    return print_status(options.run, as_json=options.json)


def _label(options: argparse.Namespace) -> int:
    from rlhp_ray.labeling.access import Person, Role
    from rlhp_ray.labeling.page import page_link
    from rlhp_ray.storage import RunFolder

    role = Role.ANNOTATOR if options.annotator else Role.RESEARCHER
    try:
        print(page_link(RunFolder.open(options.run), Person(options.name, role)))
    except FileNotFoundError:
        raise UserError(
            f"{options.run} has no labelling page: only a run that was begun with teacher.kind=human has one."
        ) from None
    return 0


def _evaluate(options: argparse.Namespace) -> int:
    from rlhp_ray.experiment.evaluate import film
    from rlhp_ray.experiment.finish import evaluate_newest
    from rlhp_ray.experiment.run_config import read_config
    from rlhp_ray.storage import RunFolder

    folder = RunFolder.open(options.run)
    task, evaluation = evaluate_newest(folder, read_config(folder), episodes=options.episodes)
    figures = evaluation.figures()
    if options.video:
        film(task, evaluation.states, options.video)
    if options.json:
        print(json.dumps(figures))
    else:
        print(f"true return {evaluation.mean:,.1f} ± {evaluation.std:,.1f} over {len(evaluation.returns)} episodes")
        for name, value in evaluation.measures.items():
            print(f"{name} {value:,.2f}")
    return 0


def _export(options: argparse.Namespace) -> int:
    from rlhp_ray.experiment.export import export

    counts = export(options.run, options.output)
    print(f"{options.output}: " + ", ".join(f"{count} {name}" for name, count in counts.items()))
    return 0


def _report(options: argparse.Namespace) -> int:
    from rlhp_ray.report import write_report

    count = write_report(options.runs, options.output)
    print(f"{options.output}: {count} runs compared")
    return 0


def _sweep(options: argparse.Namespace) -> int:
    from rlhp_ray.config.sweep import SweepFile
    from rlhp_ray.experiment.sweep import cells, sweep

    if options.check:
        for cell in cells(SweepFile(options.file)):
            print(f"{cell.name}: {cell.result}{', done' if cell.result.exists() else ''}")
        return 0
    sweep(options.file, lambda sentence: print(sentence, flush=True))
    return 0


def _doctor(options: argparse.Namespace) -> int:
    from rlhp_ray.cli.doctor import run_doctor

    return run_doctor(options.address)
