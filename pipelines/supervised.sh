#!/bin/sh
# Supervised classification: labelled pictures in, a network and an honest number out.
#
#   supervised.sh                          on the drawn world of `cv-gen shapes`, about a minute
#   DATA=fashion-mnist/ ARCH=resnet20 EPOCHS=20 supervised.sh
#   LR=find supervised.sh                  the rate is a tenth of where a range test has the least loss
#
# The network sees the training split only, pictures padded, cropped and mirrored afresh in every
# epoch; the best epoch is chosen on a tenth of it (`part` 1), never on the test split.
set -eu
export LC_ALL=C
: "${DATA:=}" "${ARCH:=resnet8}" "${EPOCHS:=6}" "${LR:=0.2}" "${SEED:=0}" "${OUT:=supervised}"
: "${ROWS:=6000}" "${TEST_ROWS:=2000}" "${VAL:=0.1}" "${AUGMENT=pad-crop=4 hflip}" "${TRAIN=}" "${TTA=}"
mkdir -p "$OUT"

rows() { # train|test COUNT
	if [ -n "$DATA" ]; then cv-read "$DATA" --split "$1"; else cv-gen shapes --split "$1" -n "$2"; fi
}

# shellcheck disable=SC2086 # AUGMENT and TRAIN are lists of words
train() { # OPTION...
	rows train "$ROWS" |
		cv-read --val-fraction "$VAL" --epochs "$EPOCHS" --shuffle --seed "$SEED" |
		if [ -n "$AUGMENT" ]; then cv-augment $AUGMENT; else cat; fi |
		cv-train --arch "$ARCH" "$@" $TRAIN
}
if [ "$LR" = find ]; then
	train --find-lr "$OUT/lr"
	LR=$(awk 'NR == 2 || NR > 2 && $3 < best { best = $3; lr = $1 } END { print lr / 10 }' "$OUT/lr.tsv")
fi
train --lr "$LR" --metrics "$OUT/train.jsonl" -o "$OUT/net.safetensors"

rows test "$TEST_ROWS" |
	cv-embed -w "$OUT/net.safetensors" ${TTA:+--tta "$TTA"} --output logits |
	cv-eval --per-class
