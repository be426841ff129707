"""Find a Chromium for the browser tests: ``python find_chromium.py`` prints its path.

Looked for in this order: the environment variable ``CHROMIUM``, the usual names on ``PATH``, a browser that
Playwright has downloaded. With ``--install`` a missing one is fetched: by ``apt-get`` when run as root on
Debian (which brings the libraries it needs too), else, or when that fails, by Playwright.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MAC_APPLICATIONS = (
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
# Where Playwright keeps its browsers, and a browser inside that folder.
DOWNLOADS = ("~/.cache/ms-playwright", "~/Library/Caches/ms-playwright")
DOWNLOADED = ("chromium-*/chrome-linux*/chrome", "chromium-*/chrome-mac*/*.app/Contents/MacOS/*")


class NoChromium(Exception):
    """There is no Chromium; the message says what was tried."""


def starts(browser: str) -> bool:
    """Whether ``browser --version`` works: a leftover stub or a browser without its libraries fails it."""
    try:
        answer = subprocess.run([browser, "--version"], capture_output=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.returncode == 0


def candidates() -> Iterator[str]:
    """Browsers on this machine, the preferred first."""
    yield from (path for name in NAMES if (path := shutil.which(name)))
    yield from (path for path in MAC_APPLICATIONS if os.access(path, os.X_OK))
    downloads = os.environ.get("PLAYWRIGHT_BROWSERS_PATH")
    for folder in [downloads] if downloads else DOWNLOADS:
        for pattern in DOWNLOADED:
            found = Path(folder).expanduser().glob(pattern)
            yield from map(str, sorted(found, key=lambda path: path.stat().st_mtime, reverse=True))


def find() -> str | None:
    """A Chromium that starts, or None. Raises :class:`NoChromium` if ``CHROMIUM`` names one that does not."""
    chosen = os.environ.get("CHROMIUM")
    if chosen:
        path = shutil.which(chosen)
        if path is None or not starts(path):
            raise NoChromium(f"CHROMIUM is set to {chosen}, which is no browser that starts.")
        return path
    return next(filter(starts, candidates()), None)


def apt_as_root() -> bool:
    """Whether apt-get can install packages here."""
    return os.name == "posix" and os.geteuid() == 0 and shutil.which("apt-get") is not None


def on_debian() -> bool:
    """Whether this is Debian itself; on its relatives the package may be a stub."""
    try:
        release = Path("/etc/os-release").read_text(encoding="utf-8")
    except OSError:
        return False
    return "ID=debian" in release.splitlines()


def run(*command: str, **environment: str) -> bool:
    """Run a command with its output on stderr; whether it worked."""
    print("+", *command, file=sys.stderr, flush=True)
    try:
        subprocess.run(command, stdout=sys.stderr, env=os.environ | environment, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        print(error, file=sys.stderr)
        return False
    return True


def by_apt() -> bool:
    """Install Debian's package, which needs root."""
    # libatomic1 is for the Node that Playwright brings, not for Chromium.
    packages = ("chromium", "fonts-liberation", "libatomic1")
    return run("apt-get", "update") and run(
        "apt-get", "install", "--yes", "--no-install-recommends", *packages, DEBIAN_FRONTEND="noninteractive"
    )


def by_playwright() -> bool:
    """Download Playwright's build, into the cache of this user; its libraries too, where that can be done."""
    libraries = ["--with-deps"] if apt_as_root() else []
    return run(sys.executable, "-m", "playwright", "install", *libraries, "chromium")


def installers() -> Iterator[tuple[str, Callable[[], bool]]]:
    """Ways to get a browser that may work here, the likelier first."""
    if apt_as_root() and on_debian():
        yield "apt-get install chromium", by_apt
    yield "playwright install chromium", by_playwright


def find_or_install() -> str:
    """A Chromium that starts, fetched if need be. Raises :class:`NoChromium`."""
    if browser := find():
        return browser
    print("No Chromium found; fetching one for the browser tests.", file=sys.stderr, flush=True)
    tried = []
    for name, install in installers():
        worked = install()
        if browser := find():
            return browser
        tried.append(f"'{name}' {'brought none that starts' if worked else 'failed'}")
    raise NoChromium(
        f"No Chromium for the browser tests: none on PATH ({', '.join(NAMES)}), none of Playwright's; "
        f"{' and '.join(tried)}. Install Chromium or Chrome, or set CHROMIUM to its path."
    )


def main() -> int:
    """Print the path, or say on stderr why there is none."""
    try:
        browser = find_or_install() if "--install" in sys.argv[1:] else find()
    except NoChromium as problem:
        print(problem, file=sys.stderr)
        return 1
    if browser is None:
        print("No Chromium found. With --install this script tries to fetch one.", file=sys.stderr)
        return 1
    print(browser)
    return 0


if __name__ == "__main__":
    sys.exit(main())
