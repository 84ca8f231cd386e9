#!/bin/sh
# The main job in under two minutes, on the embedded data: draws a world, trains, embeds, classifies
# with kNN beside the pixel and untrained baselines, evaluates, and leaves pictures to look at.
set -eu
here=$(dirname "$0")
: "${OUT:=demo}"
export OUT
mkdir -p "$OUT"

echo "Drawing: $OUT/shapes.png is what the network will see."
cv-gen shapes -n 60 --split test | cv-view -o "$OUT/shapes.png"

echo "Training a small network on 10,000 pictures:"
ROWS=${ROWS:-10000} EPOCHS=${EPOCHS:-5} LR=0.1 TRAIN="-b 64" sh "$here/supervised.sh" >"$OUT/supervised.txt"
cat "$OUT/supervised.txt"

echo "Accuracy of 20 nearest neighbours in pixels, in the untrained and in the trained network:"
sh "$here/knn.sh" "$OUT/net.safetensors"

cv-gen shapes -n 60 --split test | cv-embed -w "$OUT/net.safetensors" --output logits --keep image,label |
	cv-view -o "$OUT/answers.png"
echo "Pictures with the network's answers: $OUT/answers.png. What made the network:"
cv-view --history "$OUT/net.safetensors"
