"""Finished runs, shared by all readers: whoever comes with settings that ran before sees that run at once.

A directory of files, one for each run, named by a hash of its lab, its settings and the code that computed it. When
they outgrow their bound, those go first that were not asked for the longest. Several servers may use one directory: a
file is put in its place whole or not at all.

Files, and not a library: DiskCache, which most would take, has had no release since 2023 and unpickles what it finds
(CVE-2025-69872, unfixed, so that no audit of the dependencies would pass); of those that are kept up, cashews builds
on it, joblib pickles, and dogpile.cache bounds nothing. And a broken file costs one run, a broken database all of them.
"""

import contextlib
import errno
import hashlib
import importlib.metadata
import json
import logging
import os
import queue
import tempfile
import threading
import weakref
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from core import book, recording
from core.lab import Frame, settings
from core.recording import Recording, Unreadable

log = logging.getLogger(__name__)

SUBDIRECTORY = "finished-runs"
"""Ours alone in the directory that a host names: all in it may be deleted."""
DECIDING = ("numpy", "scikit-learn", "tensorflow")
"""Packages whose release may change a run's numbers."""
LONGEST_QUEUE = 4
"""Runs that wait to be written, with all their frames in memory."""
FULL = 0.9
"""Share of the bound down to which is deleted when it is reached."""


class SharedRuns:
    """Finished runs in a directory, of at most ``megabytes`` together; none are kept for 0.

    Safe to use from many threads. Nothing here raises: what goes wrong is a line in the log, and no run.
    """

    def __init__(self, directory: Path, megabytes: int) -> None:
        self._directory = directory / SUBDIRECTORY
        self._most = megabytes * 1_000_000
        self._loaded: weakref.WeakValueDictionary[Path, Recording] = weakref.WeakValueDictionary()
        self._unwritten: queue.Queue[tuple[str, Any, Sequence[Frame]]] = queue.Queue(LONGEST_QUEUE)
        self._room = 0
        self._counting = threading.Lock()
        self.hits, self.misses = 0, 0
        """How often a run was asked for that there was, and that there was not."""
        self._said: set[str] = set()
        if self._most:
            try:
                self._prepare()
            except OSError as error:
                self._say("cannot be kept", error)
            threading.Thread(target=self._write_all, name="finished-runs", daemon=True).start()

    def find(self, name: str, params: Any) -> Sequence[Frame] | None:
        """The finished run of the lab ``name`` with these settings, from its first frame to its last, if there is one.

        All who ask while it is in use are handed the same arrays, read-only.
        """
        if not self._most:
            return None
        run = self._find(name, params)
        with self._counting:
            self.hits += run is not None
            self.misses += run is None
        return run

    def _find(self, name: str, params: Any) -> Recording | None:
        place = self._place(name, params)
        run = self._loaded.get(place)
        try:
            if run is None:
                run = self._loaded[place] = recording.decode(place.read_bytes())
            os.utime(place)  # It was asked for now: others go before it.
        except FileNotFoundError:
            pass
        except OSError as error:
            self._say("cannot be read", error)
        except Unreadable as error:
            log.warning("A finished run is broken and is deleted (%s).", error)
            self._delete(place)
        if run is not None and (run.settings != settings(params) or not _complete(run)):
            log.warning("A finished run is not what its name says, and is deleted.")
            self._delete(place)
            return None
        return run

    def keep(self, name: str, params: Any, frames: Sequence[Frame]) -> None:
        """Keep a run for others if it went to its end; it is written later, by another thread."""
        if not self._most or not _complete(frames) or recording.size(frames) > recording.LARGEST:
            return
        try:
            self._unwritten.put_nowait((name, params, frames))
        except queue.Full:
            log.debug("A finished run is not kept: others wait to be written.")

    def wait(self) -> None:
        """Return when everything that was to be kept has been written."""
        self._unwritten.join()

    def _write_all(self) -> None:
        while True:
            name, params, frames = self._unwritten.get()
            try:
                self._write(self._place(name, params), recording.encode(params, frames))
            except OSError as error:
                self._say("cannot be kept", error)
            except Exception:
                log.exception("A finished run cannot be kept.")
            finally:
                del frames  # Not to be held until the next one comes.
                self._unwritten.task_done()

    def _write(self, place: Path, data: bytes) -> None:
        if len(data) > self._most:
            return
        self._prepare()
        if len(data) > self._room:
            self._make_room(len(data))
        partial = tempfile.NamedTemporaryFile(dir=self._directory, suffix=".partial", delete=False)  # noqa: SIM115
        try:
            with partial:
                partial.write(data)
            os.replace(partial.name, place)
        except OSError:
            self._delete(Path(partial.name))
            raise
        self._room -= len(data)
        self._said.clear()

    def _prepare(self) -> None:
        self._directory.mkdir(parents=True, exist_ok=True)
        self._directory.chmod(0o700)  # Whoever it belongs to otherwise could put runs there: this fails.
        if not os.access(self._directory, os.R_OK | os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    def _make_room(self, size: int) -> None:
        """Delete what was not asked for the longest, until ``size`` bytes more leave some room under the bound.

        So the directory, which may hold tens of thousands of files, is looked through once in many writes.
        """
        files = []
        with os.scandir(self._directory) as entries:
            for entry in entries:
                with contextlib.suppress(FileNotFoundError):  # Another server may have deleted it.
                    about = entry.stat()
                    files.append((about.st_mtime, about.st_size, entry.path))
        held = sum(size for _, size, _ in files)
        for _, freed, path in sorted(files):
            if held + size <= FULL * self._most:
                break
            self._delete(Path(path))
            held -= freed
        self._room = self._most - held

    def _delete(self, place: Path) -> None:
        self._loaded.pop(place, None)
        try:
            place.unlink(missing_ok=True)
        except OSError as error:
            self._say("cannot be deleted", error)

    def _say(self, what: str, error: OSError) -> None:
        """Log what is wrong: once, until a run can be kept again, and not for every run that it costs."""
        sentence = f"Finished runs {what} in {self._directory}: {error.strerror}."
        if sentence not in self._said:
            log.warning("%s", sentence)
        self._said.add(sentence)

    def _place(self, name: str, params: Any) -> Path:
        identity = json.dumps([name, settings(params), code_version(name.partition(".")[0])])
        return self._directory / f"{hashlib.sha256(identity.encode()).hexdigest()}.npz"


def _complete(frames: Sequence[Frame]) -> bool:
    return bool(frames) and frames[-1].step == frames[-1].total


@cache
def code_version(slug: str) -> str:
    """A hash of all that decides the numbers of a chapter's runs: its code, the code it leans on, and the packages.

    All of ``core/*.py`` counts, though some of it decides nothing: a list of what does would one day lack a name.
    """
    core = book.ROOT / "core"
    sources = [*core.glob("*.py"), *core.glob(f"experiments/{slug}/*.py"), *book.ASSETS.glob("*.npz")]
    digest = hashlib.sha256()
    for path in sorted(sources):
        digest.update(
            f"{path.relative_to(book.ROOT).as_posix()} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode()
        )
    for package in DECIDING:
        digest.update(f"{package} {_release(package)}\n".encode())
    return digest.hexdigest()


def _release(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "unknown"
