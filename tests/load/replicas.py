"""Two servers of the essay behind nginx, as compose.yaml has them, and readers in a real Chromium.

``python tests/load/replicas.py`` starts both servers and nginx with deploy/nginx.conf.template, on free ports, and
looks whether a lab runs on each, whether a reader without the cookie is served, and what becomes of the readers of a
server that is killed. It prints what it saw and exits with 1 when that is not as it should be. Needs nginx.
"""

import argparse
import contextlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from tests.browser.find_chromium import find  # noqa: E402
from tests.browser.lab import LabPanel  # noqa: E402
from tests.browser.server import Server, serve, until  # noqa: E402

TEMPLATE = ROOT / "deploy" / "nginx.conf.template"
AROUND = """
daemon off; pid {folder}/pid; error_log stderr crit; worker_processes 1;
events {{}}
http {{
    access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    include {folder}/site.conf;
}}
"""
SETTINGS = {"embed": "true", "lab": "fit", "fit__width": "8", "fit__steps": "10000", "fit__replicas": "1"}
LINK = "/sine_fits?embed=true&lab=fit&fit.width=8&fit.steps=10000&fit.replicas=1"
PATIENT = 240
"""Seconds that anything may take on a busy machine."""
MOST_READERS = 12
"""All of them on one of two servers would be a chance of 1 in 2,000."""


class Failures(list[str]):
    """What did not hold."""

    def look(self, what: str, holds: bool) -> None:
        """Print what was looked at, and keep it if it did not hold."""
        print("ok  " if holds else "NOT ", what, flush=True)
        if not holds:
            self.append(what)


@contextlib.contextmanager
def proxy(replicas: list[Server]) -> Iterator[str]:
    """Run nginx before the servers until the block ends; its address."""
    nginx = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if nginx is None:
        sys.exit("There is no nginx here; on Debian or Ubuntu: apt-get install nginx")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        listen = f"127.0.0.1:{probe.getsockname()[1]}"
    servers = " ".join(f"server {address(replica)} max_fails=1 fail_timeout=5s;" for replica in replicas)
    site = TEMPLATE.read_text("utf-8")
    for name, value in {"LISTEN": listen, "REPLICAS": servers, "FRAME_ANCESTORS": "*"}.items():
        site = site.replace(f"${{{name}}}", value)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "site.conf").write_text(site, "utf-8")
        Path(folder, "nginx.conf").write_text(AROUND.format(folder=folder), "utf-8")
        process = subprocess.Popen([nginx, "-p", folder, "-c", f"{folder}/nginx.conf"])
        try:
            yield f"http://{listen}"
        finally:
            process.terminate()
            process.wait(10)


def address(replica: Server) -> str:
    """Host and port."""
    return replica.url.removeprefix("http://")


def arrive(browser: Browser, url: str) -> LabPanel:
    """A reader with a browser of their own comes by a link, and runs the lab."""
    page = browser.new_context(viewport={"width": 1280, "height": 1400}).new_page()
    page.set_default_timeout(PATIENT * 1000)
    page.goto(url)
    lab = LabPanel(page, "fit")
    train(lab)
    return lab


def train(lab: LabPanel) -> bool:
    """Begin a run anew, and watch it train; an error if it does not."""
    lab.button("reset").click()
    lab.expect_step("s === 0", PATIENT)
    lab.button("run").click()
    lab.expect_step("s > 0", PATIENT)
    return True


def status(url: str) -> int:
    """The status of an answer."""
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refusal:
        return refusal.code


def check(browser: Browser, url: str, replicas: list[Server]) -> Failures:
    """Look at everything."""
    failures = Failures()
    at: dict[int, LabPanel] = {}
    came = 0
    while len(at) < len(replicas) and came < MOST_READERS:
        came += 1
        was = [opened(replica) for replica in replicas]
        lab = arrive(browser, url + LINK)
        [where] = [i for i, replica in enumerate(replicas) if opened(replica) > was[i]]
        at.setdefault(where, lab)
    failures.look(f"readers of one address and one kind of browser meet both servers: {came} came", len(at) == 2)
    for where, lab in at.items():
        cookies = [cookie.get("name") for cookie in lab.page.context.cookies()]
        failures.look(f"server {where + 1} trains, and its reader has the proxy's cookie", "replica" in cookies)

    # Both cannot be where the address alone would send them.
    for where, lab in at.items():
        lab.page.context.clear_cookies()
        failures.look(f"without the cookie, the reader of server {where + 1} trains another run", train(lab))

    for name in ("status", "metrics"):
        failures.look(f"/{name} is kept inside", status(f"{url}/{name}") == 404)

    lost, kept = at[0], at[1]
    before = opened(replicas[1])
    replicas[0].process.kill()
    failures.look("server 1 is killed, and the reader of server 2 trains another run", train(kept))
    before += 1
    lost.expect_settings(**SETTINGS)
    failures.look("the reader of server 1 keeps the settings in the address", True)
    try:
        until(lambda: run_again(lost, replicas[1], before), "a run of that reader on server 2", PATIENT)
    except TimeoutError:
        failures.look(f"the reader of server 1 trains on server 2; the page says: {lost.figure.inner_text()!r}", False)
        return failures
    lost.expect_step("s > 0", PATIENT)
    lost.expect_settings(**SETTINGS)
    failures.look(f"and trains on server 2, with the same settings, at step {lost.step}", True)
    return failures


def opened(replica: Server) -> float:
    """Runs that this server has begun in its life."""
    with urllib.request.urlopen(f"{replica.url}/metrics", timeout=10) as answer:
        found = re.search(r'^wdlw_runs_total{kind="lab"} (\S+)$', answer.read().decode(), re.MULTILINE)
    return float(found[1]) if found else 0.0


def run_again(lab: LabPanel, replica: Server, before: float) -> bool:
    """Whether this server has begun another run; if the figure stands still, its reader presses Run."""
    if opened(replica) > before:
        return True
    button = lab.button("run")
    if lab.figure.get_attribute("data-state") == "still" and button.is_enabled():
        button.click()
    time.sleep(1)
    return False


def main() -> int:
    """Serve, look, say."""
    description, _, rest = (__doc__ or "").partition("\n")
    argparse.ArgumentParser(description=description, epilog=rest).parse_args()
    with contextlib.ExitStack() as stack:
        # Nothing kept: who comes second must train, not be shown what the first has trained.
        replicas = [stack.enter_context(serve(WDLW_WORKERS="1", WDLW_CACHE_MB="0")) for _ in range(2)]
        url = stack.enter_context(proxy(replicas))
        until(lambda: all(replica.status()["workers_ready"] for replica in replicas), "two workers", PATIENT)
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=find(), args=["--no-sandbox"])
        stack.callback(browser.close)
        failures = check(browser, url, replicas)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
