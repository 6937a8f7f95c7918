"""The engine as a library: built alone with -DHUB=OFF, installed, and used from C by pkg-config and by CMake."""
import os
import pathlib
import re
import shutil
import subprocess

import pytest

from harness import hub as hubs

SOURCE = pathlib.Path(os.environ["SLUICE_SOURCE"])
BUILD = pathlib.Path(os.environ["SLUICE_LIBRARY_BUILD"])
CC, CXX = os.environ["CC"], os.environ["CXX"]
MODEL = SOURCE / "tests" / "golden" / "smolvlm" / "llama"
PICTURE = MODEL / "picture.png"
QUESTION = "What is the total of 42?"


def run(*command, **options):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """Where it is installed; moved once, because a package may be."""
    run("cmake", "-S", SOURCE, "-B", BUILD, "-G", "Ninja", "-DHUB=OFF", "-DSLUICE_TESTS=OFF", "-DCMAKE_BUILD_TYPE=None",
        "-DCMAKE_CXX_FLAGS=-O0", f"-DCMAKE_C_COMPILER={CC}", f"-DCMAKE_CXX_COMPILER={CXX}")
    run("cmake", "--build", BUILD)
    first = tmp_path_factory.mktemp("library") / "first"
    run("cmake", "--install", BUILD, "--prefix", first)
    return first.rename(first.with_name("moved"))


@pytest.fixture(scope="module")
def environment(tree):
    library = next(tree.rglob("libsluice.so")).parent
    return {**os.environ, "PKG_CONFIG_PATH": str(library / "pkgconfig"), "LD_LIBRARY_PATH": str(library),
            "CMAKE_PREFIX_PATH": str(tree)}


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    """What the real command answers."""
    home = hubs.Home()
    asked = home.command("ask", "-m", str(MODEL), str(PICTURE), QUESTION)
    home.close()
    assert asked.returncode == 0, asked.stderr
    return asked.stdout


def flags(environment, *options):
    return run("pkg-config", *options, "sluice", env=environment).split()


def test_one_header_is_installed_and_only_our_names_are_shown(tree):
    assert [file.name for file in tree.rglob("*.h")] == ["sluice.h"]
    shown = run("nm", "-D", "--defined-only", next(tree.rglob("libsluice.so"))).splitlines()
    names = {line.split()[-1] for line in shown}
    declared = set(re.findall(r"\b(sluice_\w+)\(", next(tree.rglob("sluice.h")).read_text()))
    assert names == declared and len(names) >= 15


@pytest.mark.parametrize("compiler, standard", [(CC, "c99"), (CC, "c17"), (CXX, "c++17")])
def test_the_header_compiles_alone(tree, tmp_path, compiler, standard):
    (tmp_path / "t.c").write_text("#include <sluice.h>\n")
    language = "c++" if "++" in standard else "c"
    run(compiler, "-x", language, f"-std={standard}", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only",
        "-I", next(tree.rglob("sluice.h")).parent, tmp_path / "t.c")


def test_the_example_fits_forty_lines():
    assert len((SOURCE / "examples" / "c" / "ask.c").read_text().splitlines()) <= 40


@pytest.mark.parametrize("static", [False, True])
def test_the_example_runs_by_pkg_config(environment, tmp_path, expected, static):
    more = ["--static"] if static else []
    program = tmp_path / "ask"
    archive = ["-Wl,-Bstatic", "-lsluice", "-Wl,-Bdynamic"]
    words = [word for flag in flags(environment, "--cflags", "--libs", *more)
             for word in (archive if static and flag == "-lsluice" else [flag])]
    run(CC, "-Wall", "-Werror", SOURCE / "examples" / "c" / "ask.c", "-o", program, *words, env=environment)
    assert ("libsluice" in run("ldd", program, env=environment)) is not static
    said = run(program, MODEL, PICTURE, QUESTION, env=environment)
    assert said.startswith(expected.rstrip("\n")) and said.endswith("52 of the picture\n")


def test_the_example_says_what_is_wrong(environment, tmp_path):
    program = tmp_path / "ask"
    run(CC, SOURCE / "examples" / "c" / "ask.c", "-o", program, *flags(environment, "--cflags", "--libs"),
        env=environment)
    failed = subprocess.run([program, tmp_path / "none.gguf", PICTURE, QUESTION], env=environment, capture_output=True,
                            text=True, check=False)
    assert failed.returncode == 1 and "none.gguf" in failed.stderr
    assert subprocess.run([program], env=environment, capture_output=True, check=False).returncode == 2


def test_the_example_runs_by_cmake(environment, tmp_path, expected):
    source = shutil.copytree(SOURCE / "examples" / "c", tmp_path / "source")
    run("cmake", "-S", source, "-B", tmp_path / "build", "-G", "Ninja", f"-DCMAKE_C_COMPILER={CC}", env=environment)
    run("cmake", "--build", tmp_path / "build", env=environment)
    for name in ("ask", "ask_static"):
        said = run(tmp_path / "build" / name, MODEL, PICTURE, QUESTION, env=environment)
        assert said.startswith(expected.rstrip("\n")), name


def test_the_guides_block_compiles_and_runs(environment, tmp_path):
    guide = (SOURCE / "docs" / "guides" / "from-transformers.md").read_text()
    block = re.search(r"^```c\n(.*?)^```$", guide, re.M | re.S)[1]
    (tmp_path / "guide.c").write_text(block + """
static char picture[1 << 20];
int main(int argc, char **argv) {
  FILE *file = fopen(argv[2], "rb");
  return argc != 3 || file == NULL || ask(argv[1], picture, fread(picture, 1, sizeof picture, file));
}
""")
    run(CC, "-Wall", "-Werror", tmp_path / "guide.c", "-o", tmp_path / "guide", *flags(environment, "--cflags", "--libs"),
        env=environment)
    assert run(tmp_path / "guide", MODEL, PICTURE, env=environment).strip()
