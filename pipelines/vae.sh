#!/bin/sh
# A variational autoencoder (Kingma and Welling 2014): pictures to codes and back, new pictures from
# codes that are drawn, and how likely pictures are that it never saw, in nats.
#
#   vae.sh                                 on the drawn world of `cv-gen shapes`, in grey
#   DATA=mnist/ EPOCHS=17 vae.sh
#
# Pictures are black or white, drawn anew at each step with the probability that their grey says; the
# test split is drawn once. Smaller numbers are better; `iwae` is the importance weighted bound.
set -eu
: "${DATA:=}" "${ARCH:=vae-conv}" "${EPOCHS:=4}" "${LR:=3e-3}" "${BATCH:=64}" "${SEED:=0}"
: "${OUT:=vae}" "${ROWS:=4000}" "${TEST_ROWS:=500}" "${VAL:=0.05}" "${SAMPLES:=200}"
mkdir -p "$OUT"
net=$OUT/net.safetensors

rows() { # train|test
	if [ -n "$DATA" ]; then
		cv-read "$DATA" --split "$1" --size 28x28 --channels 1
	elif [ "$1" = train ]; then
		cv-gen shapes --split train --size 28 -n "$ROWS" | cv-read --channels 1
	else
		cv-gen shapes --split test --size 28 -n "$TEST_ROWS" | cv-read --channels 1
	fi
}

rows train |
	cv-read --val-fraction "$VAL" --epochs "$EPOCHS" --shuffle --seed "$SEED" |
	cv-train --method vae --binarize --arch "$ARCH" --lr "$LR" -b "$BATCH" --model-ema 0.999 \
		--metrics "$OUT/train.jsonl" -o "$net"

cv-gen -w "$net" -n 100 | cv-view -n 100 -o "$OUT/samples.png"
cv-gen -w "$net" --interpolate 0..1 --steps 20 | cv-view -o "$OUT/between.png"
rows test | cv-gen -w "$net" --reconstruct - | cv-view -n 100 -o "$OUT/again.png"
rows test | cv-gen -w "$net" --bound - --samples "$SAMPLES" | cv-view --stat >"$OUT/bounds.txt"
sed -nE 's/^field (elbo|iwae) .* mean ([^ ]*) .*/\1 \2/p' "$OUT/bounds.txt"
