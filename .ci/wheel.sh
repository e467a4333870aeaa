#!/usr/bin/env bash
# Build the wheel and run a shipped graph from it alone: wheel.sh [python]. The Python has nodeflow's
# dependencies; by default it is the one in .venv.
set -euo pipefail
here=$(realpath "$(dirname "$0")")
cd "$here/.."
python=$(realpath -s "${1:-.venv/bin/python}")
most=$((60 * 1024 * 1024))
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$python" -m pip wheel -q --no-deps --wheel-dir "$work/dist" .
wheel=$(ls "$work"/dist/nodeflow-*.whl)
size=$(stat -c %s "$wheel")
printf '%s: %d bytes\n' "$(basename "$wheel")" "$size"
[ "$size" -lt "$most" ] || { echo "the wheel has more than $most bytes" >&2; exit 1; }

"$python" -m zipfile -e "$wheel" "$work/unpacked"
for file in \
  nodeflow/data/graphs/text_to_image.json \
  nodeflow/data/web/index.html \
  nodeflow/data/web/licenses.md \
  nodes/models/tiny/model_index.json \
  nodes/models/tiny/unet/diffusion_pytorch_model.safetensors \
  nodes/models/tiny/tokenizer/vocab.json \
  nodes/models/loras/tiny_outline.safetensors \
  nodes/models/embeddings/tiny-house.safetensors \
  nodes/models/controlnet/tiny_edges/config.json; do
  [ -s "$work/unpacked/$file" ] || { echo "the wheel lacks $file" >&2; exit 1; }
done

# Far from the checkout, and without the one that .venv points to: PYTHONPATH comes first.
mkdir "$work/elsewhere" && cd "$work/elsewhere"
export PYTHONPATH="$work/unpacked"
unset NODEFLOW_MODELS NODEFLOW_NODES
"$python" - "$work/unpacked" <<'CHECK'
import sys
from pathlib import Path

import nodeflow
import nodes

for module in (nodeflow, nodes):
    assert module.__file__ is not None
    assert Path(module.__file__).is_relative_to(sys.argv[1]), module.__file__
CHECK
"$python" -m nodeflow.cli run text_to_image --out "$work/out"
[ -s "$work/out/text_to_image.png" ]
"$python" -m nodeflow.cli validate train/1_autoencoder
"$python" -m nodeflow.cli validate lora
"$python" -m nodeflow.cli models list loras
"$python" "$here/wheel_page.py" "$work/unpacked" "$work"
echo "the wheel runs without a checkout"
