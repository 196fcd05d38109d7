#!/usr/bin/env bash
# Put newly trained models into package defaultmodel: in int8, with a new calibration.
#
#   scripts/embed.sh MODEL QUESTIONS.json...
#
# MODEL holds encoder/ and reader/ as train/train.py exports them. QUESTIONS are for scripts/calibrate.sh, which is run at the end. Then come
# scripts/evaluate.sh --into docs/models.md, and go test ./internal/e2e -args -update, whose difference is to be reviewed.
set -euo pipefail
[ $# -ge 2 ] || { sed -n '2,/^set -euo/p' "$0" | sed '$d; s/^# \{0,1\}//' >&2; exit 2; }
root=$(cd "$(dirname "$0")/.." && pwd)
model=$1
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
CGO_ENABLED=0 go -C "$root" build -o "$work/semsearch" ./cmd/semsearch
for m in encoder reader; do
	"$work/semsearch" model quantize "$model/$m" "$work/$m"
done
for m in encoder reader; do # both or none
	cp -r "$work/$m/." "$root/defaultmodel/$m/"
done
"$root/scripts/calibrate.sh" "$@"
