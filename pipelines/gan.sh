#!/bin/sh
# A generative adversarial network with classes (Radford et al. 2016), and what its pictures are worth:
# the Frechet distance from the test split in one classifier's features, and the share that another
# reads as the class that was asked for.
#
#   gan.sh                                 on the drawn world of `cv-gen shapes`, in grey
#   DATA=fashion-mnist/ EPOCHS=7 SAMPLES=10000 gan.sh
#
# Beside them: the training split against the test split, and the test split blurred by a 3x3 box (a
# Gaussian so wide that it is one).
set -eu
: "${DATA:=}" "${ARCH:=dcgan-cond}" "${JUDGE:=cnn-small}" "${EPOCHS:=4}" "${JUDGE_EPOCHS:=2}"
: "${SEED:=0}" "${OUT:=gan}" "${ROWS:=4000}" "${TEST_ROWS:=1000}" "${SAMPLES:=1000}" "${LR:=4e-4}"
mkdir -p "$OUT"

rows() { # train|test
	n=$TEST_ROWS && [ "$1" = test ] || n=$ROWS
	if [ -n "$DATA" ]; then cv-read "$DATA" --split "$1" --size 28x28 --channels 1
	else cv-gen shapes --split "$1" --size 28 -n "$n" | cv-read --channels 1; fi
}
judge() { cv-embed -w "$OUT/judge$1.safetensors" --output "$2"; }
tell() { figure=$(grep "^$2" "$OUT/told.txt"); printf '%s\t%s\n' "$1" "$figure"; } # NAME FIGURE
fid() { judge 1 embedding | cv-eval --fid "$OUT/test.cvt" >"$OUT/told.txt"; tell "$1" fid; }
read_right() { judge 2 logits | cv-eval >"$OUT/told.txt"; tell "$1" accuracy; }

for k in 1 2; do
	rows train | cv-read --epochs "$JUDGE_EPOCHS" --shuffle --seed "$k" |
		cv-train --arch "$JUDGE" -b 64 -o "$OUT/judge$k.safetensors"
done
rows train | cv-read --epochs "$EPOCHS" --shuffle --seed "$SEED" |
	cv-train --method gan --arch "$ARCH" -b 64 --lr "$LR" --sched cosine --model-ema 0.999 -o "$OUT/net.safetensors"
cv-gen -w "$OUT/net.safetensors" -n "$SAMPLES" -o "$OUT/samples.cvt"
cv-view -n 100 "$OUT/samples.cvt" -o "$OUT/samples.png"
rows test | judge 1 embedding >"$OUT/test.cvt"
rows train | fid train
rows test | cv-augment gaussian-blur=3,100,100 | fid blurred
fid generated <"$OUT/samples.cvt"
rows test | read_right real
read_right generated <"$OUT/samples.cvt"
