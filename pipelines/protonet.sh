#!/bin/sh
# Few-shot learning: a network that tells classes apart which it never saw, from one or five examples of
# each: a prototypical network (Snell et al. 2017), beside the same network untrained, and pixels.
#
#   protonet.sh                            on shapes: some classes to learn from, others for the figures
#   DATA=omniglot/ WAYS=40 SHOTS=1 QUERIES=2 EPISODES=5000 protonet.sh   background to evaluation characters
#
# Turned characters are further classes for learning, none in the test. Small episodes and large steps
# learn fastest. Features are computed in evaluation mode: batch norm leaks nothing from queries to
# support. Ink becomes light, as the borders that convolutions add are dark.
set -eu
: "${DATA:=}" "${ARCH:=conv4}" "${WAYS:=4}" "${SHOTS:=5}" "${QUERIES:=5}" "${EPISODES:=300}" "${SEED:=0}"
: "${OUT:=protonet}" "${ROWS:=3000}" "${COUNT:=1000}" "${TRAIN=--model-ema 0.99 --lr 0.01}"
: "${LET=$([ "$ARCH" != conv4 ] || echo a=32,c=128,d=256)}"
: "${TASKS=$([ -n "$DATA" ] && echo 5x1+15 5x5+15 20x1+15 20x5+15 || echo 4x1+15 4x5+15)}"
: "${AUGMENT=$([ -n "$DATA" ] && echo rotate-classes || echo hflip)}"
mkdir -p "$OUT"

if [ -n "$DATA" ]; then
	cv-read "$DATA/images_background_28x28.tar.gz" --channels 1 | cv-augment invert:1 >"$OUT/known.cvt"
	cv-read "$DATA/images_evaluation_28x28.tar.gz" --channels 1 | cv-augment invert:1 >"$OUT/new.cvt"
else
	cv-gen shapes -n "$ROWS" | cv-read --classes 0,1,2,3,4,5 -o "$OUT/known.cvt"
	cv-gen shapes --split test -n "$ROWS" | cv-read --classes 6,7,8,9 -o "$OUT/new.cvt"
fi

# shellcheck disable=SC2086 # AUGMENT, TASKS and TRAIN are lists of words
cv-read "$OUT/known.cvt" --episodes "${WAYS}x$SHOTS+$QUERIES" --count "$EPISODES" --seed "$SEED" |
	cv-augment $AUGMENT | cv-train --method protonet --arch "$ARCH" ${LET:+--let "$LET"} $TRAIN \
	-b $((WAYS * (SHOTS + QUERIES))) --metrics "$OUT/train.jsonl" -o "$OUT/net.st"
cv-embed -w "$OUT/net.st" "$OUT/new.cvt" >"$OUT/trained.cvt"
cv-embed --arch "$ARCH" ${LET:+--let "$LET"} "$OUT/new.cvt" >"$OUT/untrained.cvt"
cp "$OUT/new.cvt" "$OUT/pixels.cvt"
for task in $TASKS; do
	for name in trained untrained pixels; do
		cv-knn --episodes "$task" --count "$COUNT" "$OUT/$name.cvt" >"$OUT/$name.txt"
		row=$(cut -d ' ' -f 1,2 "$OUT/$name.txt" | tr '\n' ' ')
		printf '%s\t%s\t%s\n' "$task" "$name" "${row:?}"
	done
done
