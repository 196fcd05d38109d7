#!/usr/bin/env bash
# semsearch beside ONNX Runtime, on one encoder with random weights.
#
#   bench/encoder/run.sh [minilm-l6|bert-base] [options of compare.js]
#
# Needs Go, Node.js with npm, and Python with NumPy and onnx (Debian: python3-numpy python3-onnx).
set -euo pipefail
cd "$(dirname "$0")"
shape=${1:-minilm-l6}
[ $# -eq 0 ] || shift
out=out/$shape
mkdir -p "$out"
[ -d node_modules ] || npm install --ignore-scripts --no-audit --no-fund
CGO_ENABLED=0 go -C ../.. build -o "$PWD/out/semsearch" ./cmd/semsearch
if [ ! -f "$out/done" ]; then
	/usr/bin/env python3 make_models.py "$shape" "$out" || /usr/bin/python3 make_models.py "$shape" "$out"
	rm -rf "$out/int8"
	out/semsearch model quantize "$out/float" "$out/int8"
	touch "$out/done"
fi
node compare.js --bin "$PWD/out/semsearch" --models "$out" "$@"
