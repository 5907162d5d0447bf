#!/usr/bin/env bash
# The virtual environment of the package:  debian/venv.sh ROOT FOLDER WHEELS
#
# 1. It is made below ROOT and knows itself as FOLDER only: no file holds the path of the build.
# 2. Wheels come from the folder WHEELS, each checked against its hash in the lock files; neither pip nor setuptools stay.
# 3. What needs no running program goes: tests of the wheels, sources in C, commands, type stubs, tables never asked for.
# 4. Byte code is made here, valid whatever the times of the files are (PEP 552): nobody may write it later, and without
#    it a command takes three times as long to start.
set -euo pipefail
ROOT=$1 FOLDER=$2 WHEELS=$3
VENV=$ROOT$FOLDER
SITE=$VENV/lib/python3.11/site-packages
PIP=$(mktemp -d)
trap 'rm -r "$PIP"' EXIT

/usr/bin/python3 -m venv "$PIP"
/usr/bin/python3 -m venv --without-pip "$VENV"
install_locked() {
  "$PIP/bin/python" -m pip --python "$VENV/bin/python" install -q --disable-pip-version-check --no-compile --no-cache-dir \
    --no-index --find-links "$WHEELS" --require-hashes --no-deps -r "$1"
}
install_locked packaging/requirements.lock
install_locked packaging/requirements-alone.lock
cp -r daemon/tavs "$SITE/"

find "$VENV/bin" -mindepth 1 ! -name 'python*' -delete
rm -r "$VENV/include"
rm -f "$VENV/lib64"
printf 'home = /usr/bin\ninclude-system-site-packages = false\n' >"$VENV/pyvenv.cfg"
printf '#!%s/bin/python -I\nimport sys\n\nfrom tavs.cli import main\n\nsys.exit(main())\n' "$FOLDER" >"$VENV/bin/tavs"
chmod 0755 "$VENV/bin/tavs"

find "$SITE" -depth -type d \( -name tests -o -name test -o -name __pycache__ \) -exec rm -r {} +
find "$SITE" -type f \( -name '*.c' -o -name '*.cpp' -o -name '*.h' -o -name '*.hpp' -o -name '*.pxd' -o -name '*.pyi' \
  -o -name '*.pyx' -o -name py.typed -o -name '*.cmake' -o -name '*.a' \
  -o -name '*.sh' \) -delete
find "$SITE" -path '*.dist-info/*' \( -name RECORD -o -name INSTALLER -o -name REQUESTED -o -name direct_url.json \) -delete
rm -r "$SITE"/phonenumbers/{geodata,carrierdata,tzdata} # where a number is from, which nothing here asks
rm "$SITE"/lib{ggml,whisper}*.so*                       # copies of what lies in pywhispercpp.libs, where it is loaded from
rm "$SITE"/onnxruntime/capi/libonnxruntime.so*          # for programs in C; Python's module has all of it in itself
rm -r "$SITE"/onnxruntime/{quantization,tools,transformers} "$SITE"/pywhispercpp/examples
find "$SITE" -type f -perm /111 ! -name '*.so*' -exec chmod a-x {} +
find "$SITE" -name '*.py' -exec sed -i '1{/^#!/d}' {} + # no module is a command
find "$SITE" -type d -empty -delete

"$VENV/bin/python" -I -m compileall -q --invalidation-mode unchecked-hash -s "$ROOT" "$SITE"
