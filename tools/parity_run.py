"""What tools/prove_parity and tools/prove_real share: our engine on a checkpoint, held against kept values of transformers."""
import os
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent
TEST = pathlib.Path(os.environ.get("SLUICE_PARITY_TEST", ROOT / "build" / "release" / "bin" / "test_vlm_models"))
HOW_TO_BUILD = (f"{TEST} is missing: cmake --preset release -DSLUICE_TESTS=ON && cmake --build build/release --target test_vlm_models")


def compare(folder, **environment):
    """(what the test printed, its figures); without a golden and a picture in `environment`, those of the seeded shapes."""
    run = subprocess.run([TEST, "--gtest_filter=vlm_models_parity_full.*"], capture_output=True, text=True, check=False,
                         env={**os.environ, "SLUICE_PARITY_FOLDER": str(folder)} | {k: str(v) for k, v in environment.items()})
    seams = re.search(r"(\d+) seams, worst (\S+) of .* cosine (\S+)", run.stdout)
    clear = re.search(r"\d+ of \d+ steps clear", run.stdout)
    return run.stdout, {"holds": run.returncode == 0, "seams": seams and int(seams[1]), "worst": seams and float(seams[2]),
                        "worst_one_minus_cosine": seams and float(seams[3]), "clear_steps": clear and clear[0]}
