#!/bin/sh
# Domain adaptation: a network for pictures without labels learns from labelled ones of another kind, by
# domain-adversarial training (Ganin et al. 2016); beside it, the same network from the labelled alone.
#
#   dann.sh                                the drawn world of `cv-gen shapes`: photographs to neon
#   DATA=folder EPOCHS=10 dann.sh          folder/mnist to folder/mnist-m
#
# All pictures are stretched to full contrast, and may be their negatives: what says nothing about the
# class and tells the domains apart need not be learned away.
# Picture i of this mnist-m is digit i of mnist: the labelled digits begin behind all 8,000 of them, so
# that no digit is seen twice. The last 2,000 are for the figure alone; nothing is chosen on them.
set -eu
: "${DATA:=}" "${ARCH:=dann}" "${EPOCHS:=6}" "${LR:=0.02}" "${BATCH:=64}" "${SEED:=0}" "${OUT:=dann}"
: "${WEIGHT:=1}" "${ENTROPY:=0.1}" "${ROWS:=4000}" "${TEST_ROWS:=1000}" "${TRAIN=}" "${AUGMENT=invert}"
mkdir -p "$OUT"

prepare() { cv-augment autocontrast:1 -o "$OUT/$1.cvt"; }
if [ -n "$DATA" ]; then
	cv-read "$DATA/mnist" --split train --skip 8000 --size 32x32 --channels 3 | prepare source
	cv-read "$DATA/mnist-m" --take 6000 --drop label | prepare target
	cv-read "$DATA/mnist-m" --skip 6000 | prepare test
else
	cv-gen shapes -n "$ROWS" | prepare source
	cv-gen shapes --domain neon --start 1000000 -n "$ROWS" | cv-read --drop label | prepare target
	cv-gen shapes --domain neon --split test -n "$TEST_ROWS" | prepare test
fi

learn() { # NAME METHOD READ...: equal pictures, equal augmentation
	name=$1 method=$2 && shift 2
	# shellcheck disable=SC2086 # AUGMENT and TRAIN are lists of words
	cv-read "$@" --shuffle --epochs "$EPOCHS" --seed "$SEED" | cv-augment $AUGMENT |
		cv-train $method --arch "$ARCH" -b "$BATCH" --lr "$LR" $TRAIN --metrics "$OUT/$name.jsonl" -o "$OUT/$name.st"
	cv-embed -w "$OUT/$name.st" --output logits "$OUT/test.cvt" | cv-eval >"$OUT/$name.txt"
	accuracy=$(sed -n 's/^accuracy *//p' "$OUT/$name.txt")
	printf '%s\t%s\n' "$name" "${accuracy:?}"
}

learn source-only '' "$OUT/source.cvt"
learn dann "--method dann --domain-weight $WEIGHT --target-entropy $ENTROPY" \
	"$OUT/source.cvt" "$OUT/target.cvt" --mix 1:1 --unlabelled 1
