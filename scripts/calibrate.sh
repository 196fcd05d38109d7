#!/usr/bin/env bash
# Fit the calibration of the embedded reader, which must be done again whenever its weights change.
#
#   scripts/calibrate.sh QUESTIONS.json...
#
# The files are questions in the form of SQuAD on which the reader was not trained. Passages are read with and
# without their titles, and the way that gets more of the questions fitted to right, by half a percent at least, is
# kept. LIMIT (400) is how many questions of each file are asked; each is asked four times. The figures, measured on
# the other half of the articles, are printed as JSON. TMPDIR is where it works.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
CGO_ENABLED=0 go -C "$root" build -o "$work/semsearch" ./cmd/semsearch
files=()
for f in "$@"; do files+=(--squad "$f"); done
for way in plain titles; do
	titles=()
	[ $way = plain ] || titles=(--titles)
	"$work/semsearch" eval calibrate "${files[@]}" --limit "${LIMIT:-400}" ${titles[@]+"${titles[@]}"} --out "$work/$way.json" --json >"$work/$way.figures"
done
accuracy() { sed -n 's/.*"accuracy_fitted":\([-0-9.e]*\).*/\1/p' "$work/$1.figures"; }
way=$(awk -v a="$(accuracy plain)" -v b="$(accuracy titles)" 'BEGIN { print (b >= a + 0.5) ? "titles" : "plain" }')
for w in plain titles; do echo "$w: $(cat "$work/$w.figures")"; done
cp "$work/$way.json" "$root/defaultmodel/reader/calibration.json"
echo "kept: $way"
