#!/bin/sh
# Segmentation: a class for every pixel of the drawn world, by a U-Net, and the mean intersection over
# union on worlds that it never saw, the ground counted like the ten kinds of shapes. Beside it stands
# the same network untrained. Leaves pictures with truth and prediction side by side.
#
#   segment.sh                             a minute of one core
#   SIZE=32 ROWS=160000 segment.sh         larger pictures learn slower
#   DATA=scenes.cvt TEST=others.cvt segment.sh       pictures with `mask`, 255 where nobody knows
set -eu
: "${DATA:=}" "${TEST:=}" "${ARCH:=unet-small}" "${LR:=0.3}" "${BATCH:=16}" "${SEED:=0}" "${SIZE:=16}"
: "${OUT:=segment}" "${ROWS:=64000}" "${TEST_ROWS:=5000}" "${VAL:=0.01}" "${TRAIN=}"
mkdir -p "$OUT"

rows() { # train|test
	if [ "$1" = train ] && [ -n "$DATA" ]; then
		cv-read "$DATA"
	elif [ "$1" = train ]; then
		cv-gen shapes --split train -n "$ROWS" --size "$SIZE" --fields image,mask
	elif [ -n "$TEST" ]; then
		cv-read "$TEST"
	else
		cv-gen shapes --split test -n "$TEST_ROWS" --size "$SIZE" --fields image,mask
	fi
}

# shellcheck disable=SC2086 # TRAIN is a list of words
rows train | cv-read --val-fraction "$VAL" --shuffle --seed "$SEED" |
	cv-train --method segment --arch "$ARCH" --lr "$LR" -b "$BATCH" $TRAIN \
		--metrics "$OUT/train.jsonl" -o "$OUT/net.safetensors"

rows test | cv-embed --arch "$ARCH" --num-classes 11 --output mask=prediction | cv-eval >"$OUT/untrained.txt"
sed -n 's/^miou/untrained &/p' "$OUT/untrained.txt"
rows test | cv-embed -w "$OUT/net.safetensors" --output mask=prediction --keep image,mask |
	tee "$OUT/answers.cvt" | cv-eval --per-class
cv-view --overlay -n 12 -o "$OUT/answers.png" "$OUT/answers.cvt"
