#!/bin/sh
# The tricks of training, one by one on top of those that helped: validation accuracy (mean over SEEDS),
# the change against the same seeds without the trick, each with half of its 95 % interval (Student's),
# seconds a run. A trick that changes nothing for the better is "no help" and left out of the rows below;
# "unsure" is one that SEEDS are too few for. Nothing reads the test split.
#
#   tricks.sh                                           on the drawn world of `cv-gen shapes`
#   DATA=fashion-mnist/ ARCH=resnet8 EPOCHS=4 SEEDS='0 1 2' TRAIN='--precision bf16' tricks.sh
set -eu
export LC_ALL=C
: "${DATA:=}" "${ARCH:=resnet8}" "${EPOCHS:=5}" "${SEEDS:=0 1 2}" "${ROWS:=3000}" "${LR:=0.1}" "${TRAIN:=}"
: "${OUT:=tricks}" && mkdir -p "$OUT" && : >"$OUT/all.tsv" && : >"$OUT/before.tsv"
aug='' opt=$TRAIN t='12.71 4.303 3.182 2.776 2.571 2.447 2.365 2.306 2.262'

rows() { # SEED: training rows, then validation rows, of every epoch
	if [ -n "$DATA" ]; then cv-read "$DATA" --split train; else cv-gen shapes -n "$ROWS"; fi |
		cv-read --val-fraction 0.1 --epochs "$EPOCHS" --shuffle --seed "$1"
}

# shellcheck disable=SC2086 # lists of words
try() { # NAME OPERATIONS [OPTION...]: with all that helped before
	name=$1 ops="$aug${2:+ $2}" && shift 2 && : >"$OUT/now.tsv"
	for seed in $SEEDS; do
		rows "$seed" | if [ -n "$ops" ]; then cv-augment $ops; else cat; fi |
			cv-train -q --arch "$ARCH" --lr "$LR" $opt "$@" --metrics "$OUT/m.tsv" -o "$OUT/net.st"
		awk -F '\t' -v name="$name" 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i } END { print name "\t" \
			$at["val_accuracy"] "\t" $at["seconds"] }' "$OUT/m.tsv" >>"$OUT/now.tsv"
	done
	row=$(paste "$OUT/now.tsv" "$OUT/before.tsv" | awk -v t="$t" 'function half(s, q) { q = q / n - s * s / n / n
			return n > 1 ? (n < 11 ? T[n - 1] : 2.2) * sqrt(q > 0 ? q / (n - 1) : 0) : 1 }
		{ n++; d = NF > 4 ? $2 - $5 : 0; s += $2; q += $2 * $2; D += d; Q += d * d; S += $3; name = $1 }
		END { split(t, T, " "); printf "%-16s %.4f +-%.4f  %+.4f +-%.4f %6.1f s  %s\n", name, s / n, half(s, q), D / n,
			half(D, Q), S / n, (NF < 5 ? "" : D <= 0 ? "no help" : half(D, Q) < D / n ? "helps" : "unsure") }')
	echo "$row" && cat "$OUT/now.tsv" >>"$OUT/all.tsv"
	case $row in *'no help') ;; *) aug=$ops opt="$opt $*" && mv "$OUT/now.tsv" "$OUT/before.tsv" ;; esac
}
try baseline '' --momentum 0 --sched constant --weight-decay 0; try momentum '' --momentum 0.9
try weight-decay '' --weight-decay 5e-4; try one-cycle '' --sched one-cycle; try crops-flips 'pad-crop=4 hflip'
try cutout cutout=8; try label-smoothing '' --label-smoothing 0.1; try mixup '' --mixup 0.2; try cutmix '' --cutmix 1
try model-ema '' --model-ema 0.99; try lookahead '' --model-ema 0 --lookahead 5
