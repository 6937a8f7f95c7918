"""Starts node/page.mjs with Debian's Chromium beside a hub. SLUICE_PICTURES names a folder for screenshots."""
import os
import shutil

from harness import hub as hubs, node
from harness.reciting_model import RECITED


def test_the_page_in_a_browser():
    chromium = shutil.which("chromium")
    assert chromium, "chromium is missing: apt-get install chromium"
    with hubs.Hub(models=("reciter", "endless")) as hub:
        run = node.run("page.mjs", {
            "PATH": os.environ["PATH"], "HOME": str(hub.home), "SLUICE_URL": hub.url, "SLUICE_KEY": hub.key,
            "RECITED": RECITED, "CHROMIUM": chromium, "PICTURES": os.environ.get("SLUICE_PICTURES", "")})
    print(run.stdout, run.stderr)
    assert run.returncode == 0
    assert "fail 0" in run.stdout and "pass 0" not in run.stdout
