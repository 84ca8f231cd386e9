#!/bin/sh
# Few labels: a network that learned without any (simclr.sh) goes on with PER_CLASS labels a class,
# beside the same network trained on those labels alone, and beside a linear layer on frozen features.
#
#   transfer.sh NET.safetensors            on the drawn world of `cv-gen shapes`
#   DATA=cifar-10/ PER_CLASS=25 transfer.sh simclr/net.safetensors
#
# The head is new (--reset-head); the body stays frozen, its batch norm in evaluation mode, for a third
# of the training (--freeze, --unfreeze-at) and is then held near where it came from (--l2-sp).
set -eu
: "${DATA:=}" "${PER_CLASS:=25}" "${EPOCHS:=90}" "${SEED:=0}" "${OUT:=transfer}" "${ROWS:=6000}"
: "${TEST_ROWS:=2000}" "${BODY:=conv1,conv2,conv3,conv4,conv5}" "${LR:=0.02}" "${L2_SP:=0.01}"
net=$1
mkdir -p "$OUT"
if [ -n "$DATA" ]; then cv-read "$DATA" --split train; else cv-gen shapes --split train -n "$ROWS"; fi |
	cv-read --per-class "$PER_CLASS" --seed "$SEED" >"$OUT/few.cvt"
if [ -n "$DATA" ]; then cv-read "$DATA" --split test; else cv-gen shapes --split test -n "$TEST_ROWS"; fi >"$OUT/test.cvt"
cv-view --arch "$net" >"$OUT/net.arch"

learn() { # NAME OPTION...: from the few labels, then the accuracy on the test split
	name=$1
	shift
	cv-read "$OUT/few.cvt" --epochs "$EPOCHS" --shuffle --seed "$SEED" |
		cv-augment pad-crop=4 hflip | cv-train -q -b 50 "$@" -o "$OUT/$name.st"
	cv-embed -w "$OUT/$name.st" --output logits "$OUT/test.cvt" | cv-eval >"$OUT/$name.txt"
	accuracy=$(sed -n 's/^accuracy *//p' "$OUT/$name.txt")
	printf '%s\t%s\n' "$name" "${accuracy:?}"
}

learn scratch --arch "$OUT/net.arch" --lr 0.1
learn frozen --weights "$net" --reset-head --freeze "$BODY" --lr 0.1
learn finetuned --weights "$net" --reset-head --freeze "$BODY" --unfreeze-at $((EPOCHS / 3)) \
	--l2-sp "$L2_SP" --lr "$LR"
