#!/bin/sh
# Domain adaptation: labelled pictures of one kind, unlabelled ones of another, and a network for the
# second: domain-adversarial training (Ganin et al. 2016), which also is to be sure of the second kind
# (Shu et al. 2018), beside the same network without the second.
#
#   dann.sh                                the drawn world of `cv-gen shapes`: photographs to neon
#   DATA=folder EPOCHS=13 dann.sh          folder/mnist to folder/mnist-m
#
# Picture i of this mnist-m is digit i of mnist: the labelled digits begin behind all 8,000 of them, so
# that no digit is seen twice. The last 2,000 are for the figure alone; nothing is chosen on them.
set -eu
: "${DATA:=}" "${ARCH:=dann}" "${EPOCHS:=6}" "${LR:=0.05}" "${SEED:=0}" "${OUT:=dann}"
: "${WEIGHT:=0.5}" "${ENTROPY:=0.1}" "${ROWS:=4000}" "${TEST_ROWS:=1000}" "${TRAIN=}"
: "${AUGMENT=pad-crop=2 invert rgb-shift=120,120,120 contrast=.5}"
mkdir -p "$OUT"

if [ -n "$DATA" ]; then
	cv-read "$DATA/mnist" --split train --skip 8000 --size 32x32 --channels 3 -o "$OUT/source.cvt"
	cv-read "$DATA/mnist-m" --take 6000 --drop label -o "$OUT/target.cvt"
	cv-read "$DATA/mnist-m" --skip 6000 -o "$OUT/test.cvt"
else
	cv-gen shapes -n "$ROWS" -o "$OUT/source.cvt"
	cv-gen shapes --domain neon --start 1000000 -n "$ROWS" | cv-read --drop label -o "$OUT/target.cvt"
	cv-gen shapes --domain neon --split test -n "$TEST_ROWS" -o "$OUT/test.cvt"
fi

learn() { # NAME METHOD READ...: equal pictures, equal augmentation
	name=$1 method=$2
	shift 2
	# shellcheck disable=SC2086 # AUGMENT and TRAIN are lists of words
	cv-read "$@" --shuffle --epochs "$EPOCHS" --seed "$SEED" | cv-augment $AUGMENT |
		cv-train $method --arch "$ARCH" --lr "$LR" $TRAIN --metrics "$OUT/$name.jsonl" -o "$OUT/$name.st"
	accuracy=$(cv-embed -w "$OUT/$name.st" --output logits "$OUT/test.cvt" | cv-eval | sed -n 's/^accuracy *//p')
	printf '%s\t%s\n' "$name" "${accuracy:?}"
}

learn source-only '' "$OUT/source.cvt"
learn dann "--method dann --domain-weight $WEIGHT --target-entropy $ENTROPY" \
	"$OUT/source.cvt" "$OUT/target.cvt" --mix 1:1 --unlabelled 1
