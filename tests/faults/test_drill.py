"""`sluice drill`, every row, with a model on the device that nobody names: what is documented must happen."""
import json
import subprocess

from harness import hub as hubs

WAIT_S = 240  # sanitized, and the machine may be busy; it takes a quarter of a minute


def test_every_row_ends_as_documented():
    home = hubs.Home()
    try:
        home.add_model("reciter")
        home.environment["SLUICE_MODEL"] = str(home.models / "reciter.gguf")
        run = subprocess.run([hubs.binary(), "drill", "--json", "--slack", "2"], env=home.environment, capture_output=True, text=True,
                             stdin=subprocess.DEVNULL, cwd=home.home, timeout=WAIT_S, check=False)
    finally:
        home.close()
    rows = [json.loads(line) for line in run.stdout.splitlines()]
    wrong = [f"{row['row']} {row['form']}: {problem}" for row in rows for problem in row["problems"]]
    assert not wrong, "\n".join(wrong)
    assert run.returncode == 0, run.stderr
    assert len(rows) > 80, run.stderr
    assert "Sanitizer" not in run.stderr and "runtime error" not in run.stderr, run.stderr
