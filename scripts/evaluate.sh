#!/usr/bin/env bash
# Measure the models with the command itself and print the tables of docs/models.md as Markdown, every figure with its
# 95 % confidence interval.
#
#   scripts/evaluate.sh EVALDIR [options]
#
# EVALDIR holds retrieval/SET/{corpus.jsonl,queries.jsonl,qrels.tsv}, qa/*.json (SQuAD) and sts/*.jsonl.
#
#   --json DIR     keep the raw results: SET.json, with the curve of recall of retrieval sets, and SET.jsonl for
#                  semsearch eval compare (DIR/retrieval, DIR/sts, DIR/qa, DIR/endtoend)
#   --model DIR    the encoder; --reader DIR the reader (default: those inside the program)
#   --half H       tune or report: one half of the queries, questions and pairs
#   --limit N      at most N queries, questions or pairs of each set
#   --only WORDS   some of: retrieval sts qa endtoend
#   --sets GLOBS   only sets whose names match one of these ('squad_dev c*')
#   --into FILE    when all is done, also put the tables into FILE, between the lines <!-- evaluate --> and
#                  <!-- /evaluate -->
#
# A corpus is encoded once for all modes, and one database serves all questions of a file. The questions end to end take
# most of the time. $SEMSEARCH names a built command; without it, it is built here.
set -euo pipefail
export LC_ALL=C

usage() {
	sed -n '2,/^set -euo/p' "$0" | sed '$d; s/^# \{0,1\}//' >&2
	exit 2
}
[ $# -ge 1 ] && [ "${1#-}" = "$1" ] || usage
dir=$1
shift
[ -d "$dir" ] || { echo "evaluate: $dir: no such folder" >&2; exit 2; }
keep='' model=() reader=() common=() only='retrieval sts qa endtoend' sets='*' into=''
while [ $# -gt 0 ]; do
	[ $# -ge 2 ] || usage
	case $1 in
	--json) keep=$2 ;;
	--model) model=(--model "$2") ;;
	--reader) reader=(--reader "$2") ;;
	--half | --limit) common+=("$1" "$2") ;;
	--only) only=$2 ;;
	--sets) sets=$2 ;;
	--into) into=$2 ;;
	*) usage ;;
	esac
	shift 2
done
for w in $only; do
	case $w in retrieval | sts | qa | endtoend) ;; *) usage ;; esac
done

if [ -n "$into" ] && ! { grep -qx '<!-- evaluate -->' "$into" && grep -qx '<!-- /evaluate -->' "$into"; }; then
	echo "evaluate: $into: no lines <!-- evaluate --> and <!-- /evaluate -->" >&2
	exit 2
fi

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
out=${keep:-$tmp/results}
mkdir -p "$out"/retrieval "$out"/sts "$out"/qa "$out"/endtoend
bin=${SEMSEARCH:-}
if [ -z "$bin" ]; then
	bin=$tmp/semsearch
	CGO_ENABLED=0 go -C "$(dirname "$0")/.." build -o "$bin" ./cmd/semsearch
fi

# value NAME: the number of that name in the JSON object on standard input, nothing when it is null or absent.
value() { sed -n "s/.*[{,]\"$1\":\([-+0-9.eE]\{1,\}\).*/\1/p"; }

# cell FILE NAME FORMAT [HEAD]: "figure [low, high]" of a file; HEAD goes before the figure.
cell() {
	local v low high
	v=$(value "$2" <"$1") low=$(value "$2_low" <"$1") high=$(value "$2_high" <"$1")
	awk -v v="$v" -v low="$low" -v high="$high" -v f="$3" -v h="${4:-}" 'BEGIN {
		if (v == "") { printf "not defined"; exit }
		printf "%s" f, (v > 0 ? h : ""), v
		if (low != "" && high != "") printf " [" f ", " f "]", low, high
	}'
}

wanted() { # KIND NAME
	local glob
	case " $only " in *" $1 "*) ;; *) return 1 ;; esac
	set -f # the patterns are for names of sets, not for files here
	for glob in $sets; do
		# shellcheck disable=SC2053
		if [[ $2 == $glob ]]; then
			set +f
			return 0
		fi
	done
	set +f
	return 1
}

# found KIND: fails when no set of a kind that was asked for was measured.
count=0
found() {
	if [ "$count" -eq 0 ]; then
		echo "evaluate: $dir: no $1 set that matches $sets" >&2
		exit 1
	fi
	count=0
	echo
}

tables() {
	if [[ " $only " == *" retrieval "* ]]; then
		echo "nDCG@10, and what hybrid gains over lexical (p by the randomisation test):"
		echo
		echo "| set | queries | lexical | dense | hybrid | hybrid less lexical | p | recall@100 hybrid |"
		echo "|---|---|---|---|---|---|---|---|"
		for d in "$dir"/retrieval/*/; do
			[ -d "$d" ] || continue
			name=$(basename "$d")
			wanted retrieval "$name" || continue
			r=$out/retrieval/$name
			"$bin" eval retrieval --set "$d" --mode all --curve --json --per-query "$r.jsonl" ${model[@]+"${model[@]}"} ${common[@]+"${common[@]}"} >"$r.json"
			"$bin" eval compare --measure hybrid_ndcg@10 --against lexical_ndcg@10 --worst 0 --json "$r.jsonl" "$r.jsonl" >"$tmp/gain.json"
			row="| $name | $(value queries <"$r.json")"
			for m in lexical dense hybrid; do row="$row | $(cell "$r.json" "${m}_ndcg@10" %.3f)"; done
			row="$row | $(cell "$tmp/gain.json" difference %.3f +) | $(value p <"$tmp/gain.json" | awk '{printf "%.3f", $1}')"
			echo "$row | $(cell "$r.json" hybrid_recall@100 %.3f) |"
			count=$((count + 1))
		done
		found retrieval
	fi

	if [[ " $only " == *" qa "* ]]; then
		echo "Reading with the paragraph given, SQuAD rules:"
		echo
		echo "| set | questions | exact match | F1 |"
		echo "|---|---|---|---|"
		for f in "$dir"/qa/*.json; do
			[ -f "$f" ] || continue
			name=$(basename "$f" .json)
			wanted qa "$name" || continue
			r=$out/qa/$name
			"$bin" eval qa --squad "$f" --json --per-query "$r.jsonl" ${reader[@]+"${reader[@]}"} ${common[@]+"${common[@]}"} >"$r.json"
			echo "| $name | $(value total <"$r.json") | $(cell "$r.json" exact_match %.1f) | $(cell "$r.json" f1 %.1f) |"
			count=$((count + 1))
		done
		found qa
	fi

	if [[ " $only " == *" endtoend "* ]]; then
		echo "End to end, over all paragraphs of the file; declined: share of questions that got no answer, with the article in the"
		echo "database and without it:"
		echo
		echo "| set | questions | exact match | F1 | right paragraph | declined | declined without article |"
		echo "|---|---|---|---|---|---|---|"
		for f in "$dir"/qa/*.json; do
			[ -f "$f" ] || continue
			name=$(basename "$f" .json)
			wanted endtoend "$name" || continue
			r=$out/endtoend/$name
			"$bin" eval qa --squad "$f" --end-to-end --without-article --json --per-query "$r.jsonl" ${model[@]+"${model[@]}"} ${reader[@]+"${reader[@]}"} ${common[@]+"${common[@]}"} >"$r.json"
			row="| $name | $(value total <"$r.json")"
			for m in exact_match f1 right_document declined without_article_declined; do row="$row | $(cell "$r.json" $m %.1f)"; done
			echo "$row |"
			count=$((count + 1))
		done
		found endtoend
	fi

	if [[ " $only " == *" sts "* ]]; then
		echo "Sentence similarity:"
		echo
		echo "| set | pairs | Spearman | Pearson |"
		echo "|---|---|---|---|"
		for f in "$dir"/sts/*.jsonl; do
			[ -f "$f" ] || continue
			name=$(basename "$f" .jsonl)
			wanted sts "$name" || continue
			r=$out/sts/$name
			"$bin" eval sts --pairs "$f" --json --per-query "$r.jsonl" ${model[@]+"${model[@]}"} ${common[@]+"${common[@]}"} >"$r.json"
			echo "| $name | $(value pairs <"$r.json") | $(cell "$r.json" spearman %.3f) | $(cell "$r.json" pearson %.3f) |"
			count=$((count + 1))
		done
		found sts
	fi
}

tables | tee "$tmp/tables.md"
if [ -n "$into" ]; then
	awk -v tables="$tmp/tables.md" '
		$0 == "<!-- /evaluate -->" { skip = 0 }
		!skip { print }
		$0 == "<!-- evaluate -->" { skip = 1; print ""; while ((getline line < tables) > 0) print line }
	' "$into" >"$tmp/into.md"
	cat "$tmp/into.md" >"$into"
fi
