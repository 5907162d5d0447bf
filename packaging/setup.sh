#!/usr/bin/env bash
# Installs what `make demo` and `make test` need, and nothing else. May be run again at any time.
set -euo pipefail
cd "$(dirname "$0")/.."

fail() {
  printf 'tavs: error: %s\ntavs: hint: %s\n' "$1" "$2" >&2
  exit 1
}

system_packages() {
  local missing=()
  while read -r name _; do
    [[ -z $name || $name == \#* ]] && continue
    dpkg-query -W -f '${Status}' "$name" 2>/dev/null | grep -q 'ok installed' || missing+=("$name")
  done <packaging/apt.txt
  if [[ ${#missing[@]} -eq 0 ]]; then
    echo "system packages: all there"
    return
  fi
  local as_root=()
  if [[ $(id -u) -ne 0 ]]; then
    command -v sudo >/dev/null || fail "missing system packages: ${missing[*]}" "install them as root, then run this again"
    as_root=(sudo)
  fi
  echo "system packages: installing ${missing[*]}"
  "${as_root[@]}" apt-get update -q >/dev/null || fail "the package lists cannot be updated" "check the network and /etc/apt"
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}" >/dev/null ||
    fail "apt-get could not install ${missing[*]}" "run: apt-get install ${missing[*]}"
}

python_environment() {
  local folder=$1 lock=$2 alone=packaging/requirements-alone.lock
  local python=/usr/bin/python3 stamp=$folder/tavs.lock
  "$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' ||
    fail "$python is not Python 3.11" "Debian 12 has it; other systems are not supported yet"
  if [[ -f $stamp ]] && cat "$lock" "$alone" | cmp -s - "$stamp"; then
    echo "python environment: up to date"
    return
  fi
  echo "python environment: installing into $folder from $lock"
  "$python" -m venv --clear "$folder"
  { "$folder/bin/python" -m pip install -q --disable-pip-version-check --require-hashes -r "$lock" &&
    "$folder/bin/python" -m pip install -q --disable-pip-version-check --require-hashes --no-deps -r "$alone"; } ||
    fail "the locked Python packages cannot be installed" "check the network; every package is checked against its hash"
  "$folder/bin/python" -m pip install -q --disable-pip-version-check --no-build-isolation --no-deps --editable . ||
    fail "tavs itself cannot be installed into $folder" "see the message above"
  cat "$lock" "$alone" >"$stamp"
}

llama_server() {
  local folder=.venv-llama lock=packaging/requirements-llama.lock stamp=.venv-llama/tavs.lock tool
  if [[ -f $stamp ]] && cmp -s "$lock" "$stamp"; then
    echo "llama.cpp's server: up to date"
    return
  fi
  for tool in g++ make; do
    command -v "$tool" >/dev/null || fail "there is no $tool" "run: apt-get install g++ make"
  done
  echo "llama.cpp's server: building into $folder (about fifteen minutes)"
  /usr/bin/python3 -m venv --clear "$folder"
  CMAKE_ARGS=-DGGML_NATIVE=OFF nice "$folder/bin/python" -m pip install -q --disable-pip-version-check --require-hashes -r "$lock" ||
    fail "llama.cpp's server cannot be built" "see the message above; every package is checked against its hash"
  cp "$lock" "$stamp"
}

[[ -r /etc/debian_version ]] || fail "this is not a Debian system" "Tavs is made for Debian 12"
system_packages
case ${1:-} in
  "") python_environment .venv packaging/requirements-dev.lock ;;
  bench) python_environment .venv-bench packaging/requirements-bench.lock ;;
  llama) llama_server ;;
  *) fail "unknown part: $1" "packaging/setup.sh [bench|llama]" ;;
esac
