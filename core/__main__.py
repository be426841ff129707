"""The essay without a browser: ``python -m core COMMAND``, from ``list`` to ``data``."""

import argparse
import errno
import importlib
import io
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from core.cli.output import Fault
from core.engine import EngineError

PROGRAM = "python -m core"
ABOUT = "The essay without a browser: its labs, its numbers, and how fast they are computed."
STATUS = (
    "Exit status: 0 when all went well, 1 when something differs or misses, 2 when the command cannot be understood."
)
INTERRUPTED = 130


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence."""

    def error(self, message: str) -> NoReturn:
        """Leave with status 2."""
        message = message.replace("unrecognized", "unrecognised").rstrip(".")
        self.exit(2, f"{message[:1].upper()}{message[1:]}; {self.prog} --help says more.\n")


def parser() -> Parser:
    """Every command with its arguments."""
    raw = argparse.RawDescriptionHelpFormatter
    whole = Parser(PROGRAM, description=ABOUT, epilog=STATUS, allow_abbrev=False)
    commands = whole.add_subparsers(metavar="COMMAND", required=True)

    def command(name: str, function: str, help: str, example: str) -> argparse.ArgumentParser:
        about = f"{help[:1].upper()}{help[1:]}."
        epilog = f"Example:\n  {PROGRAM} {example}"
        one = commands.add_parser(
            name, help=help, description=about, epilog=epilog, formatter_class=raw, allow_abbrev=False
        )
        one.set_defaults(function=function)
        return one

    def takes_a_lab(one: argparse.ArgumentParser) -> None:
        one.add_argument("lab", metavar="CHAPTER.LAB", help=f"a lab; {PROGRAM} list names them")
        one.add_argument(
            "--set", metavar="NAME=VALUE", action="append", default=[], help="change a setting; may be given again"
        )

    one = command("list", "labs.show_list", "list chapters, labs and their settings", "list --json")
    one.add_argument("--json", action="store_true", help="print one JSON object")

    example = "run sine_fits.fit --set width=64 --set depth=2 --csv frames.csv"
    one = command("run", "labs.run", "run a lab once and say what it shows", example)
    takes_a_lab(one)
    one.add_argument("--json", action="store_true", help="print one JSON object: settings, result, time, device")
    one.add_argument(
        "--csv", metavar="FILE", help="write the frames, a row for each step and net; - is standard output"
    )
    one.add_argument(
        "--curves", action="store_true", help="with --csv: also curves and bends, a column for each number"
    )

    example = "sweep sine_fits.fit --over width=4,16,64 --over learning_rate=0.001,0.01 --csv sweep.csv"
    one = command("sweep", "sweeps.sweep", "run a lab under many settings, on all workers or a cluster", example)
    takes_a_lab(one)
    one.add_argument(
        "--over", metavar="NAME=VALUE,VALUE", action="append", required=True, help="sweep a setting; may be given again"
    )
    one.add_argument("--json", action="store_true", help="print one JSON object: settings and result of each run")
    one.add_argument("--csv", metavar="FILE", help="write the results, a row for each run; - is standard output")

    example = "export sine_fits.fit --set width=64 --output fit.py"
    one = command("export", "labs.export", "write a lab as a script that needs none of this project", example)
    takes_a_lab(one)
    one.add_argument("--notebook", action="store_true", help="a Jupyter notebook instead")
    one.add_argument("--output", metavar="FILE", help="write to this file; else to standard output")

    one = command("check", "claims.check", "measure the numbers that the essay states", "check --quick")
    one.add_argument(
        "ids", metavar="ID", nargs="*", help="a claim, as chapter.id or, if there is only one, id; else all"
    )
    one.add_argument("--json", action="store_true", help="print one JSON object")
    one.add_argument("--quick", action="store_true", help="leave out what takes more than some seconds")

    one = command("bench", "speed.show", "compare how fast nets train here and elsewhere", "bench --rounds 3")
    one.add_argument("--json", action="store_true", help="print one JSON object")
    one.add_argument("--rounds", type=_rounds, default=5, help="rounds of which the best counts (default: 5)")
    one.add_argument("--seconds", type=_seconds, default=0.5, help="least time of a turn (default: 0.5)")

    one = command("store", "labs.store", "store the finished runs that pages open on", "store --check")
    one.add_argument("labs", metavar="CHAPTER.LAB", nargs="*", help="a lab; else all")
    one.add_argument("--check", action="store_true", help="store nothing: say what differs from the stored runs")

    command("data", "data.generate", "generate the shipped data set, assets/mnist1d.npz, again", "data")
    return whole


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the arguments say; the exit status."""
    try:
        arguments = parser().parse_args(argv)
        module, _, name = arguments.function.partition(".")
        # Only what the command needs is imported: help and errors come at once.
        function = getattr(importlib.import_module(f"core.cli.{module}"), name)
        return int(function(arguments))
    except Fault as fault:
        print(fault, file=sys.stderr)
        return 2
    except EngineError as failure:
        print(failure, file=sys.stderr)
        return 1
    except SystemExit as end:  # argparse, after help or an error
        return int(end.code or 0)


def enter() -> int:
    """Be a well-behaved process: quiet libraries, no traceback for Ctrl-C or for a reader that has gone."""
    interrupted = False

    def interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal interrupted
        interrupted = True
        raise KeyboardInterrupt

    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, interrupt)
    with _quiet_libraries():
        try:
            if isinstance(sys.stdout, io.TextIOWrapper):
                sys.stdout.reconfigure(errors="replace")  # A terminal without “≤” shows “?”.
            status = main()
            sys.stdout.flush()
            return status
        except OSError as error:
            if error.errno not in (errno.EPIPE, errno.ENOSPC):
                raise
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            if error.errno == errno.ENOSPC:
                print(f"Not all could be written: {os.strerror(errno.ENOSPC)}.", file=sys.stderr)
            return 1
        except BaseException:
            # In the middle of an import, Ctrl-C may come out as another error.
            if interrupted:
                return INTERRUPTED
            raise


@contextmanager
def _quiet_libraries() -> Iterator[None]:
    """Send what C++ writes to standard error nowhere; Python's own errors still come through.

    Whoever sets ``TF_CPP_MIN_LOG_LEVEL`` wants to read it.
    """
    if "TF_CPP_MIN_LOG_LEVEL" in os.environ or sys.stderr is None:
        yield
        return
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    number = sys.stderr.fileno()
    kept = os.dup(number)
    sys.stderr = os.fdopen(kept, "w", buffering=1, encoding=sys.stderr.encoding, errors=sys.stderr.errors)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, number)
    os.close(nowhere)
    yield


def _rounds(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 100:
        raise argparse.ArgumentTypeError(f"“{text}” is not a whole number from 1 to 100")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0.01 <= seconds <= 60:
        raise argparse.ArgumentTypeError(f"“{text}” is not a number of seconds from 0.01 to 60")
    return seconds


if __name__ == "__main__":
    sys.exit(enter())
