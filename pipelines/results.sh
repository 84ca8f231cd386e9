#!/bin/sh
# Reruns the learning results and writes the table $OUT/RESULTS.md: each figure is a mean over SEEDS, with
# and without the mirror image (TTA), beside its arithmetic, its command and its baselines (kNN on pixels
# and on the untrained network). The test split is read when training is over; nothing is chosen on it.
#
#   DATA_ROOT=folder results.sh [mnist fashion fashion-small fashion-large cifar cifar-wide]
#                                         the folder holds mnist/ fashion-mnist/ cifar-10/
set -eu
here=$(cd "$(dirname "$0")" && pwd)
: "${DATA_ROOT:?say where the data sets are: DATA_ROOT=folder}" "${SEEDS:=0 1 2}" "${OUT:=results}"
all='mnist fashion fashion-small fashion-large cifar cifar-wide'
# shellcheck disable=SC2086 # words
[ $# -gt 0 ] || set -- $all
for name in "$@"; do case " $all " in
	*" $name "*) ;;
	*) echo "results.sh: '$name' is none of $all" >&2; exit 2 ;;
esac done
mkdir -p "$OUT"

# One run: what airbench.sh prints, then minutes, the accuracy of the pictures alone, and PFLOP: three
# times the forward pass for each of the 512 rows of a step.
run() { # NAME SEED
	net=$OUT/$1-$2/net.safetensors start=$(date +%s)
	SEED=$2 OUT=$OUT/$1-$2 sh "$here/airbench.sh"
	echo "minutes $(awk "BEGIN { print ($(date +%s) - $start) / 60 }")"
	cv-read "$DATA" --split test | cv-embed -w "$net" --output logits | cv-eval | sed -n 's/^accuracy/alone/p'
	cv-view --summary "$net" | awk -v steps="$(sed -n '$s/.*"step": \([0-9]*\).*/\1/p' "$OUT/$1-$2/train.jsonl")" '
		$1 == "flop" { print "pflop", 3e-15 * $2 * 512 * steps }
		$1 == "parameters" { print }'
}

learn() { # NAME DATA EPOCHS TTA WIDTHS AUGMENT NORM: one run a seed, the baselines once, one row
	export DATA="$DATA_ROOT/$2" EPOCHS="$3" TTA="$4" WIDTHS="$5" AUGMENT="$6" NORM="$7"
	for seed in $SEEDS; do
		run "$1" "$seed" >"$OUT/$1-$seed.txt"
	done
	base=$OUT/${2%%/*}-knn # of the same data once
	[ -s "$base.txt" ] || OUT=$base sh "$here/knn.sh" >"$base.txt"
	cat "$OUT/$1"-[0-9]*.txt "$base.txt" | awk -v row="$1" -v command="DATA=$2 EPOCHS=$3 \
TTA=$4 WIDTHS=$5 AUGMENT='$6' NORM='$7' SEED=... airbench.sh" '
		$1 == "accuracy" { n++; sum += $2; square += $2 * $2 }
		$1 == "minutes" || $1 == "alone" || $1 == "pflop" { all[$1] += $2 }
		$1 == "pixels" || $1 == "untrained" || $1 == "parameters" { base[$1] = $2 }
		END { m = sum / n; v = square / n - m * m
			printf "| %s | %d | %.4f | %.4f | %.4f | %d | %.2f | %.1f | %s | %s | `%s` |\n", row,
				base["parameters"], m, (v > 0 ? sqrt(v) : 0), all["alone"] / n, n, all["pflop"] / n,
				all["minutes"] / n, base["pixels"], base["untrained"], command }'
}

grey='--mean .286 --std .353' colour='--mean .4914,.4822,.4465 --std .2470,.2435,.2616'
cifar='cifar-10/cifar-10-binary.tar.xz'
echo '| data | parameters | test accuracy | sd | without TTA | seeds | PFLOP | minutes | kNN pixels | kNN untrained | command |
|---|---|---|---|---|---|---|---|---|---|---|' >"$OUT/RESULTS.md"
for name in "$@"; do case $name in
	mnist) learn mnist mnist 5 '' w=8,a=32,b=64,c=64 'pad-crop=2 rotate=10,bilinear' '--mean .1307 --std .3081' ;;
	fashion) learn fashion fashion-mnist 4 flip w=8,b=128,c=128 'pad-crop=2 alternating-flip' "$grey" ;;
	fashion-small) learn fashion-small fashion-mnist 10 flip w=8,a=32,b=48,c=48 'pad-crop=2 alternating-flip' "$grey" ;;
	fashion-large) learn fashion-large fashion-mnist 16 flip w=8 'pad-crop=2 alternating-flip cutout=8' \
		"$grey --precision bf16" ;;
	cifar) learn cifar "$cifar" 5 flip b=128,c=128 'pad-crop=2,reflect alternating-flip' "$colour" ;;
	cifar-wide) learn cifar-wide "$cifar" 8 flip a=64 'pad-crop=2,reflect alternating-flip' '' ;;
esac done | tee -a "$OUT/RESULTS.md"
