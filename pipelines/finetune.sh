#!/bin/sh
# Transfer: a network trained on one task learns another from few labels, beside the same network
# trained on those labels alone.
#
#   finetune.sh                            shapes: all classes first, then 20 labels a class of others
#   DATA=cifar-10/ NET=net.safetensors PER_CLASS=25 finetune.sh
#
# The head is new (`--reset-head`); the body starts from the weights.
set -eu
: "${DATA:=}" "${NET:=}" "${ARCH:=resnet8}" "${PER_CLASS:=20}" "${EPOCHS:=30}" "${SEED:=0}"
: "${OUT:=finetune}" "${ROWS:=6000}" "${TEST_ROWS:=2000}" "${BATCH:=128}"
mkdir -p "$OUT"

rows() { # train|test ROW...: of the drawn world, these
	if [ -n "$DATA" ]; then cv-read "$DATA" --split "$1"; else cv-gen shapes --split "$@"; fi
}

if [ -z "$NET" ]; then
	NET=$OUT/source.safetensors
	cv-gen shapes -n "$ROWS" | cv-read --epochs 5 --shuffle | cv-augment pad-crop=4 hflip |
		cv-train --arch "$ARCH" --lr 0.2 -b "$BATCH" -o "$NET"
fi

learn() { # NAME OPTION...: from few labels, then the accuracy on the test split
	name=$1
	shift
	rows train --start 1000000 -n "$ROWS" | cv-read --per-class "$PER_CLASS" --epochs "$EPOCHS" --shuffle --seed "$SEED" |
		cv-augment pad-crop=4 hflip | cv-train "$@" -b 32 -o "$OUT/$name.safetensors"
	rows test -n "$TEST_ROWS" | cv-embed -w "$OUT/$name.safetensors" --output logits | cv-eval >"$OUT/$name.txt"
	accuracy=$(grep '^accuracy' "$OUT/$name.txt")
	printf '%s\t%s\n' "$name" "$accuracy"
}

learn scratch --arch "$ARCH" --lr 0.1
learn finetuned --arch "$ARCH" --weights "$NET" --reset-head --lr 0.02
