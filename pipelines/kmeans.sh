#!/bin/sh
# The cheap, honest rival of networks that learn without labels: whitened patches clustered by k-means
# into a codebook (Coates, Lee and Ng 2011), pooled in quadrants; read out by nearest neighbours and by
# a linear probe, beside kNN on the pixels.
#
#   kmeans.sh                              on the drawn world of `cv-gen shapes`
#   DATA=cifar-10-binary.tar.xz CODES=400 kmeans.sh
#
# Labels are used by the two read-outs only; the probe is that of probe.sh, nothing is chosen.
set -eu
: "${DATA:=}" "${CODES:=100}" "${EPOCHS:=12}" "${K:=20}" "${SEED:=0}" "${OUT:=kmeans}"
: "${ROWS:=6000}" "${TEST_ROWS:=1000}" "${TRAIN=}"
mkdir -p "$OUT"

rows() { # train|test COUNT
	if [ -n "$DATA" ]; then cv-read "$DATA" --split "$1"; else cv-gen shapes --split "$1" -n "$2"; fi
}

say() { # NAME: accuracy of the predictions that come
	cv-eval >"$OUT/$1.txt"
	accuracy=$(sed -n 's/^accuracy *//p' "$OUT/$1.txt")
	printf '%s\t%s\n' "$1" "${accuracy:?}"
}

rows train "$ROWS" >"$OUT/train.cvt"
rows test "$TEST_ROWS" >"$OUT/test.cvt"
# shellcheck disable=SC2086 # TRAIN is a list of words
cv-train --method kmeans --arch kmeans-patches --let "k=$CODES" $TRAIN --seed "$SEED" \
	-i "$OUT/train.cvt" -o "$OUT/codebook.safetensors"
for split in train test; do
	cv-embed -w "$OUT/codebook.safetensors" -i "$OUT/$split.cvt" -o "$OUT/$split-codes.cvt"
done
cv-train --arch probe --epochs "$EPOCHS" --seed "$SEED" \
	-i "$OUT/train-codes.cvt" -o "$OUT/probe.safetensors"
cv-knn --bank "$OUT/train.cvt" -k "$K" "$OUT/test.cvt" | say pixels-knn
cv-knn --bank "$OUT/train-codes.cvt" -k "$K" "$OUT/test-codes.cvt" | say kmeans-knn
cv-embed -w "$OUT/probe.safetensors" --output logits "$OUT/test-codes.cvt" | say kmeans-linear
