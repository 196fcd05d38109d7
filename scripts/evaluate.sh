#!/usr/bin/env bash
# Measure a model with the command itself and print Markdown tables.
#
#   scripts/evaluate.sh EVALDIR [semsearch flags, such as --model DIR]
#
# EVALDIR holds retrieval/SET/{corpus.jsonl,queries.jsonl,qrels.tsv}, qa/*.json (SQuAD) and sts/*.jsonl.
set -euo pipefail
dir=$1
shift
bin=$(mktemp -d)
trap 'rm -rf "$bin"' EXIT
CGO_ENABLED=0 go -C "$(dirname "$0")/.." build -o "$bin/semsearch" ./cmd/semsearch

# value NAME: the number of that name in the JSON object on standard input
value() { sed -n "s/.*\"$1\":\([-0-9.e]*\).*/\1/p"; }
fixed() { awk '{printf "%.3f", $1}'; }

echo "| set | queries | lexical | dense | hybrid | recall@100 hybrid |"
echo "|---|---|---|---|---|---|"
for d in "$dir"/retrieval/*/; do
	row="| $(basename "$d")"
	for mode in lexical dense hybrid; do
		out=$("$bin/semsearch" eval retrieval --corpus "$d/corpus.jsonl" --queries "$d/queries.jsonl" --qrels "$d/qrels.tsv" --mode $mode --json "$@")
		[ $mode != lexical ] || row="$row | $(echo "$out" | value queries)"
		row="$row | $(echo "$out" | value 'ndcg@10' | fixed)"
	done
	echo "$row | $(echo "$out" | value 'recall@100' | fixed) |"
done
echo
echo "| set | questions | exact match | F1 | end to end EM | end to end F1 |"
echo "|---|---|---|---|---|---|"
for f in "$dir"/qa/*.json; do
	gold=$("$bin/semsearch" eval qa --squad "$f" --json "$@")
	e2e=$("$bin/semsearch" eval qa --squad "$f" --end-to-end --json "$@")
	row="| $(basename "$f" .json) | $(echo "$gold" | value total)"
	for out in "$gold" "$e2e"; do
		for m in exact_match f1; do row="$row | $(echo "$out" | value $m | awk '{printf "%.1f", $1}')"; done
	done
	echo "$row |"
done
echo
echo "| set | Spearman | Pearson |"
echo "|---|---|---|"
for f in "$dir"/sts/*.jsonl; do
	out=$("$bin/semsearch" eval sts --pairs "$f" --json "$@")
	echo "| $(basename "$f" .jsonl) | $(echo "$out" | value spearman | fixed) | $(echo "$out" | value pearson | fixed) |"
done
