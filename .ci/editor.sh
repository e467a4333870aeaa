#!/usr/bin/env bash
# The editor: types, style, unit tests, and that web/dist is what the sources make. Installs the
# browser and Node.js where they are missing (Debian, as root).
set -euo pipefail
cd "$(dirname "$0")/.."
python=$(realpath -s "${1:-.venv/bin/python}")

needs=()
command -v chromium >/dev/null || needs+=(chromium)
command -v npm >/dev/null || needs+=(nodejs npm)
if [ "${#needs[@]}" -gt 0 ]; then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${needs[@]}"
fi

(cd tests/clients && npm ci --silent)
cd web
npm ci --silent
PYTHON="$python" npm run --silent protocol -- --check
npm run --silent types
npm run --silent lint
npm run --silent test
npm run --silent build
cd ..
if [ -n "$(git status --porcelain -- web/dist)" ]; then
  git status --short -- web/dist
  echo "web/dist is not what the sources make: run \`npm run build\` in web/ and commit it" >&2
  exit 1
fi
