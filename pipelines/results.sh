#!/bin/sh
# Reruns the learning results and writes the table $OUT/RESULTS.md: each figure is a mean over SEEDS,
# beside its command and its baselines (kNN on pixels and on the untrained network). The test split is
# read once per run, when training is over; nothing is chosen on it.
#
#   DATA_ROOT=folder results.sh [mnist fashion cifar]   the folder holds mnist/ fashion-mnist/ cifar-10/
set -eu
here=$(cd "$(dirname "$0")" && pwd)
: "${DATA_ROOT:?say where the data sets are: DATA_ROOT=folder}" "${SEEDS:=0 1 2}" "${OUT:=results}"
[ $# -gt 0 ] || set -- mnist fashion cifar
mkdir -p "$OUT"

learn() { # NAME DATA EPOCHS TTA WIDTHS AUGMENT NORM: one run a seed, the baselines once, one row
	export DATA="$DATA_ROOT/$2" EPOCHS="$3" TTA="$4" WIDTHS="$5" AUGMENT="$6" NORM="$7"
	for seed in $SEEDS; do
		start=$(date +%s)
		SEED=$seed OUT=$OUT/$1-$seed sh "$here/airbench.sh" >"$OUT/$1-$seed.txt"
		echo "minutes $(awk "BEGIN { print ($(date +%s) - $start) / 60 }")" >>"$OUT/$1-$seed.txt"
	done
	OUT=$OUT/$1-knn sh "$here/knn.sh" >"$OUT/$1-knn.txt"
	cat "$OUT/$1"-[0-9]*.txt "$OUT/$1-knn.txt" | awk -v row="$1" -v command="DATA=$2 EPOCHS=$3 \
TTA=$4 WIDTHS=$5 AUGMENT='$6' NORM='$7' SEED=... airbench.sh" '
		$1 == "accuracy" { n++; sum += $2; square += $2 * $2 }
		$1 == "minutes" { minutes += $2 }
		$1 == "pixels" || $1 == "untrained" { base[$1] = $2 }
		END { m = sum / n; v = square / n - m * m
			printf "| %s | %.4f | %.4f | %d | %.1f | %s | %s | `%s` |\n", row, m,
				(v > 0 ? sqrt(v) : 0), n, minutes / n, base["pixels"], base["untrained"], command }'
}

echo '| data | test accuracy | sd | seeds | minutes | kNN pixels | kNN untrained | command |
|---|---|---|---|---|---|---|---|' >"$OUT/RESULTS.md"
for name in "$@"; do case $name in
	mnist) learn mnist mnist 5 '' w=8,a=32,b=64,c=64 'pad-crop=2 rotate=10,bilinear' '--mean .1307 --std .3081' ;;
	fashion) learn fashion fashion-mnist 4 flip w=8,b=128,c=128 'pad-crop=2 alternating-flip' '--mean .286 --std .353' ;;
	cifar) learn cifar cifar-10/cifar-10-binary.tar.xz 5 flip b=128,c=128 'pad-crop=2,reflect alternating-flip' '--mean .4914,.4822,.4465 --std .2470,.2435,.2616' ;;
esac done | tee -a "$OUT/RESULTS.md"
