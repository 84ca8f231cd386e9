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

learn() { # NAME DATA ARCH EPOCHS TRAIN AUGMENT: one run a seed, the baselines once, one row
	export DATA="$DATA_ROOT/$2" ARCH="$3" EPOCHS="$4" TRAIN="$5" AUGMENT="$6" LR=0.1 VAL=0.02
	for seed in $SEEDS; do
		start=$(date +%s)
		SEED=$seed OUT=$OUT/$1-$seed sh "$here/supervised.sh" >"$OUT/$1-$seed.txt"
		echo "minutes $(awk "BEGIN { print ($(date +%s) - $start) / 60 }")" >>"$OUT/$1-$seed.txt"
	done
	OUT=$OUT/$1-knn sh "$here/knn.sh" >"$OUT/$1-knn.txt"
	cat "$OUT/$1"-[0-9]*.txt "$OUT/$1-knn.txt" | awk -v row="$1 | $3" -v command="DATA=$2 \
ARCH=$3 EPOCHS=$4 TRAIN='$5' AUGMENT='$6' LR=0.1 VAL=0.02 SEED=... supervised.sh" '
		$1 == "accuracy" { n++; sum += $2; square += $2 * $2 }
		$1 == "minutes" { minutes += $2 }
		$1 == "pixels" || $1 == "untrained" { base[$1] = $2 }
		END { m = sum / n; v = square / n - m * m
			printf "| %s | %.4f | %.4f | %d | %.1f | %s | %s | `%s` |\n", row, m,
				v > 0 ? sqrt(v) : 0, n, minutes / n, base["pixels"], base["untrained"], command }'
}

{
	echo '| data | network | test accuracy | sd | seeds | minutes | kNN pixels | kNN untrained | command |'
	echo '|---|---|---|---|---|---|---|---|---|'
	for name in "$@"; do case $name in
		mnist) learn mnist mnist resnet8 6 '' 'pad-crop=2 rotate=10,bilinear' ;;
		fashion) learn fashion fashion-mnist resnet9 10 '--let width=16' 'pad-crop=2 hflip' ;;
		cifar) learn cifar cifar-10/cifar-10-binary.tar.xz resnet9 12 '' 'pad-crop=4 hflip' ;;
	esac done
} | tee "$OUT/RESULTS.md"
