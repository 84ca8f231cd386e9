#!/bin/sh
# Self-supervision by contrast: two views of a picture are to have the same representation, views of
# other pictures another one (Chen et al. 2020). Labels are dropped before anything is learned; then
# probe.sh says what the network's stages know about them.
#
#   simclr.sh                              on the drawn world of `cv-gen shapes`
#   DATA=cifar-10/ EPOCHS=20 TRAIN='--temperature 0.2' STAGES='conv3 conv4 conv5' simclr.sh
set -eu
here=$(cd "$(dirname "$0")" && pwd)
: "${DATA:=}" "${ARCH:=conv5}" "${EPOCHS:=6}" "${SEED:=0}" "${OUT:=simclr}" "${ROWS:=6000}"
: "${BATCH:=256}" "${TRAIN=}" "${STAGES:=conv2 conv3 conv4 conv5}"
: "${VIEWS=view=2 random-resized-crop=32,0.2,1 hflip color-jitter:0.8=.4,.4,.4,.1 grayscale:0.2}"
mkdir -p "$OUT"

# shellcheck disable=SC2086 # VIEWS, TRAIN and STAGES are lists of words
if [ -n "$DATA" ]; then cv-read "$DATA" --split train; else cv-gen shapes --split train -n "$ROWS"; fi |
	cv-read --drop label --epochs "$EPOCHS" --shuffle --seed "$SEED" |
	cv-augment $VIEWS |
	cv-train --arch "$ARCH" --method simclr -b "$BATCH" $TRAIN --metrics "$OUT/train.jsonl" -o "$OUT/net.safetensors"

export DATA ROWS SEED OUT
# shellcheck disable=SC2086
sh "$here/probe.sh" "$OUT/net.safetensors" $STAGES
