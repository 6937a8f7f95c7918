"""Makes tests/harness importable for every driver and keeps pytest's state out of the tree."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.dont_write_bytecode = True
