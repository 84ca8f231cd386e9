#!/bin/sh
# The tricks of training, one on top of the other, and what each is worth: validation accuracy (mean
# over SEEDS, plus or minus two standard errors), the change, seconds. Nothing reads the test split.
#
#   tricks.sh                                           on the drawn world of `cv-gen shapes`
#   DATA=fashion-mnist/ ARCH=resnet8 EPOCHS=5 SEEDS='0 1 2' tricks.sh
set -eu
: "${DATA:=}" "${ARCH:=resnet8}" "${EPOCHS:=5}" "${SEEDS:=0 1 2}" "${ROWS:=3000}" "${LR:=0.1}"
: "${OUT:=tricks}"
mkdir -p "$OUT"
aug='' opt=''

rows() { # SEED: training rows, then validation rows, of every epoch
	if [ -n "$DATA" ]; then cv-read "$DATA" --split train; else cv-gen shapes -n "$ROWS"; fi |
		cv-read --val-fraction 0.1 --epochs "$EPOCHS" --shuffle --seed "$1"
}

# shellcheck disable=SC2086 # lists of words
try() { # NAME [OPTION...]: with all that came before
	name=$1
	shift
	opt="$opt $*"
	for seed in $SEEDS; do
		rows "$seed" | if [ -n "$aug" ]; then cv-augment $aug; else cat; fi |
			cv-train -q --arch "$ARCH" --lr "$LR" $opt --metrics "$OUT/m.tsv" -o "$OUT/net.st"
		awk -F '\t' -v name="$name" 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i }
			END { print name "\t" $at["val_accuracy"] "\t" $at["seconds"] }' "$OUT/m.tsv"
	done | tee -a "$OUT/all.tsv" | awk -F '\t' -v before="${mean:-}" '{ n++; s += $2; q += $2 * $2; t += $3 }
		END { m = s / n; e = n > 1 ? 2 * sqrt((q / n - m * m > 0 ? q / n - m * m : 0) / (n - 1)) : 0
			d = before == "" ? 0 : m - before
			printf "%-18s %.4f +-%.4f %+.4f %6.1f s%s\n", $1, m, e, d, t / n,
				before != "" && d <= e ? "   (no help)" : "" }' >"$OUT/row"
	cat "$OUT/row"
	mean=$(sed -E 's/^.{18} ([0-9.]+).*/\1/' "$OUT/row")
}

try baseline --momentum 0 --sched constant --weight-decay 0; try momentum --momentum 0.9
try weight-decay --weight-decay 5e-4; try one-cycle --sched one-cycle
aug='pad-crop=4 hflip'; try crops-flips; try label-smoothing --label-smoothing 0.1
try mixup --mixup 0.2; try cutmix --cutmix 1; try lookahead --lookahead 5
