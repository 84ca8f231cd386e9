#!/bin/sh
# One ingredient at a time beside the same training without it: validation accuracy (mean over SEEDS),
# the change with half of its 95 % interval (Student's, paired by seed), seconds a run. An ITEM is
# options of cv-train, or a chain of cv-augment when it does not begin with a dash; the kinds augment,
# optimizer, schedule, trick and arch stand for their lines of ingredients.tsv. Nothing reads the
# test split.
#
#   compare.sh 'pad-crop=4 hflip' '--opt adamw'           on the drawn world of `cv-gen shapes`
#   DATA=cifar-10/ EPOCHS=10 SEEDS='0 1 2 3 4' compare.sh augment schedule
set -eu
export LC_ALL=C
here=$(cd "$(dirname "$0")" && pwd)
: "${DATA:=}" "${ARCH:=resnet8}" "${EPOCHS:=4}" "${SEEDS:=0 1 2}" "${ROWS:=3000}" "${OUT:=compare}" "${TRAIN=}"
mkdir -p "$OUT"

# shellcheck disable=SC2086 # lists of words
try() { # ITEM
	case $1 in -*) ops='' options=$1 ;; *) ops=$1 options='' ;; esac
	for seed in $SEEDS; do
		if [ -n "$DATA" ]; then cv-read "$DATA" --split train; else cv-gen shapes -n "$ROWS"; fi |
			cv-read --val-fraction 0.1 --epochs "$EPOCHS" --shuffle --seed "$seed" |
			if [ -n "$ops" ]; then cv-augment $ops; else cat; fi |
			cv-train -q --arch "$ARCH" $TRAIN $options --metrics "$OUT/m.tsv" -o "$OUT/net.st"
		awk -F '\t' -v item="${1:-plain}" 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i }
			END { print item "\t" $at["val_accuracy"] "\t" $at["seconds"] }' "$OUT/m.tsv"
	done >"$OUT/now.tsv"
	[ -n "$1" ] || cp "$OUT/now.tsv" "$OUT/plain.tsv"
	paste "$OUT/now.tsv" "$OUT/plain.tsv" | awk -F '\t' '
		{ n++; d = $2 - $5; s += $2; D += d; Q += d * d; S += $3; name = $1 }
		END { split("12.71 4.303 3.182 2.776 2.571 2.447 2.365 2.306 2.262", t, " "); q = Q / n - D * D / n / n
			half = n > 1 ? (n < 11 ? t[n - 1] : 2.2) * sqrt(q > 0 ? q / (n - 1) : 0) : 1
			printf "%-36s %.4f  %+.4f +-%.4f %6.1f s\n", name, s / n, D / n, half, S / n }'
}

try ''
for item; do awk -F '\t' -v k="$item" '$1 == k { print $2; n++ } END { if (!n) print k }' "$here/ingredients.tsv"
done >"$OUT/items"
while IFS= read -r item; do try "$item" </dev/null; done <"$OUT/items"
