#!/bin/sh
# Self-supervision by a pretext task: the network sees every picture in four positions and learns which
# way up it is (Gidaris, Singh and Komodakis 2018). Labels are dropped before anything is learned; then
# probe.sh says what its stages know about them.
#
#   rotation.sh                            on the drawn world of `cv-gen shapes`
#   DATA=cifar-10/ EPOCHS=2 TRAIN='--steps 1000' rotation.sh
set -eu
here=$(cd "$(dirname "$0")" && pwd)
: "${DATA:=}" "${ARCH:=conv5}" "${EPOCHS:=4}" "${LR:=0.2}" "${SEED:=0}" "${OUT:=rotation}"
: "${ROWS:=6000}" "${VAL:=0.05}" "${BATCH:=256}" "${AUGMENT=pad-crop=4 hflip}" "${TRAIN=}"
: "${STAGES:=conv2 conv3 conv4 conv5}"
mkdir -p "$OUT"

# shellcheck disable=SC2086 # AUGMENT, TRAIN and STAGES are lists of words
if [ -n "$DATA" ]; then cv-read "$DATA" --split train; else cv-gen shapes --split train -n "$ROWS"; fi |
	cv-read --drop label --val-fraction "$VAL" --epochs "$EPOCHS" --shuffle --seed "$SEED" |
	cv-augment $AUGMENT rotate4 |
	cv-train --arch "$ARCH" -b "$BATCH" --lr "$LR" $TRAIN --metrics "$OUT/train.jsonl" -o "$OUT/net.safetensors"

export DATA ROWS SEED OUT
# shellcheck disable=SC2086
sh "$here/probe.sh" "$OUT/net.safetensors" $STAGES
