#!/usr/bin/env bash
# The engine's tests, and the server's that need no model, on another Python, without torch:
# engine_python.sh 3.13
set -euo pipefail
version=$1
python=
for candidate in "$HOME"/.pyenv/versions/"$version".*/bin/python "$(command -v "python$version" || true)"; do
  if [ -x "$candidate" ] && "$candidate" -c 'import ensurepip' 2>/dev/null; then
    python=$candidate
    break
  fi
done
[ -n "$python" ] || { echo "no Python $version on this machine" >&2; exit 1; }
venv=$(mktemp -d)
trap 'rm -rf "$venv"' EXIT
"$python" -m venv "$venv"
"$venv/bin/pip" install -q -c constraints.txt \
  safetensors networkx pydantic pillow numpy typer rich simpleeval pytest pytest-xdist hypothesis \
  aiohttp prometheus-client psutil pyyaml huggingface-hub pytest-asyncio pytest-aiohttp
"$venv/bin/python" -c 'import importlib.util as u; assert u.find_spec("torch") is None'
"$venv/bin/python" -m pytest -n 2 tests/engine \
  tests/server/test_{frames,hub,metrics,security,store,worker}.py
