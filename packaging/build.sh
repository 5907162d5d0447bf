#!/usr/bin/env bash
# Builds the Debian packages:  packaging/build.sh [FOLDER]
#
# 1. FOLDER (build/) gets tavs_VERSION_amd64.deb and tavs-models_VERSION_all.deb; the version is that of pyproject.toml,
#    or TAVS_VERSION.
# 2. Wheels are downloaded once into TAVS_WHEELS (build/wheels), each checked against its hash in the lock files. The
#    build itself takes nothing from a network.
# 3. Same sources, same bytes: every time in the packages is that of the last commit (SOURCE_DATE_EPOCH).
set -euo pipefail
umask 022
cd "$(dirname "$0")/.."

fail() {
  printf 'tavs: error: %s\ntavs: hint: %s\n' "$1" "$2" >&2
  exit 1
}

LOCKS=(packaging/requirements.lock packaging/requirements-alone.lock)
OUT=$(realpath -m "${1:-build}")
WHEELS=$(realpath -m "${TAVS_WHEELS:-build/wheels}")
VERSION=${TAVS_VERSION:-$(sed -n 's/^version = "\(.*\)"$/\1/p' pyproject.toml)}
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH TAVS_WHEELS=$WHEELS LC_ALL=C.UTF-8 TZ=UTC

need() {
  local missing=()
  while read -r name _; do
    [[ -z $name || $name == \#* ]] && continue
    dpkg-query -W -f '${Status}' "$name" 2>/dev/null | grep -q 'ok installed' || missing+=("$name")
  done <packaging/apt-build.txt
  [[ ${#missing[@]} -eq 0 ]] || fail "missing system packages: ${missing[*]}" "run: apt-get install ${missing[*]}"
}

wheels() {
  cat "${LOCKS[@]}" | cmp -s - "$WHEELS/locks" && return
  echo "wheels: downloading into $WHEELS" >&2
  mkdir -p "$WHEELS"
  rm -f "$WHEELS"/*.whl
  local tools
  tools=$(mktemp -d)
  /usr/bin/python3 -m venv "$tools"
  for lock in "${LOCKS[@]}"; do
    "$tools/bin/python" -m pip download -q --disable-pip-version-check --require-hashes --only-binary :all: --no-deps \
      -d "$WHEELS" -r "$lock" || fail "the locked wheels cannot be downloaded" "check the network and $lock"
  done
  rm -r "$tools"
  cat "${LOCKS[@]}" >"$WHEELS/locks"
}

# A part of the sources that is not there is told and left out; tests/package wants all of them.
present() {
  local tree=$1 list=$2 line
  while read -r line; do
    if compgen -G "$tree/${line%% *}" >/dev/null; then
      echo "$line"
    else
      echo "left out, not there: ${line%% *}" >&2
    fi
  done <"$list" >"$list.present"
  mv "$list.present" "$list"
}

source_tree() {
  local tree=$1
  rm -rf "$tree"
  mkdir -p "$tree"
  git ls-files -z --cached --others --exclude-standard -- config daemon/tavs models packaging LICENSE NOTICE README.md |
    while IFS= read -r -d '' name; do [[ ! -f $name ]] || printf '%s\0' "$name"; done |
    xargs -0 cp --parents -t "$tree"
  mv "$tree/packaging/debian" "$tree/debian"
  cp "$tree/packaging/sysusers.conf" "$tree/debian/tavs.sysusers"
  cp "$tree/packaging/tmpfiles.conf" "$tree/debian/tavs.tmpfiles"
  for list in install docs manpages; do present "$tree" "$tree/debian/tavs.$list"; done
  cat >"$tree/debian/changelog" <<END
tavs ($VERSION) bookworm; urgency=medium

  * See README.md and the history of the sources.

 -- The Tavs project <tavs@localhost>  $(date -R -d "@$SOURCE_DATE_EPOCH")
END
}

need
wheels
tree=$OUT/source/tavs-$VERSION
source_tree "$tree"
log=$OUT/source/build.log
if ! (cd "$tree" && dpkg-buildpackage --build=binary --no-sign) >"$log" 2>&1; then
  tail -n 30 "$log" >&2
  fail "the packages cannot be built" "the whole log: $log"
fi
mv "$OUT"/source/tavs*_"$VERSION"_*.deb "$OUT/"
ls -l "$OUT"/tavs*_"$VERSION"_*.deb
