#!/bin/sh
# Distillation: a small student learns from a larger teacher's soft answers (Hinton et al. 2015),
# beside the same student taught by the labels alone, over SEEDS; the gain is that of equal seeds.
#
#   distill.sh                             on the drawn world of `cv-gen shapes`
#   DATA=cifar-10/ TEACHER=net.safetensors STUDENT=resnet8 SEEDS='0 1 2 3 4' EPOCHS=30 distill.sh
#
# Bare weights become a TEACHER by cv-train --epochs 0 --weights FILE --arch resnet20 --mean .. --std ..
set -eu
: "${DATA:=}" "${TEACHER:=}" "${TEACHER_ARCH:=resnet20}" "${STUDENT:=resnet8}" "${EPOCHS:=6}"
: "${SEEDS:=${SEED:-0}}" "${OUT:=distill}" "${ROWS:=4000}" "${TEST_ROWS:=2000}" "${BATCH:=128}" "${LR:=0.2}"
export LC_ALL=C && mkdir -p "$OUT" && : >"$OUT/figures.tsv"

rows() { # train|test COUNT
	if [ -n "$DATA" ]; then cv-read "$DATA" --split "$1"; else cv-gen shapes --split "$1" -n "$2"; fi
}

score() { # SEED NAME FILE
	rows test "$TEST_ROWS" | cv-embed -w "$3" --output logits | cv-eval >"$OUT/$2.txt"
	accuracy=$(sed -n 's/^accuracy *//p' "$OUT/$2.txt")
	printf '%s\t%s\t%s\n' "$2" "$1" "${accuracy:?}" >>"$OUT/figures.tsv"
	tail -n 1 "$OUT/figures.tsv"
}

train() { # SEED NAME COMMAND...: on the training split, drawn afresh in every epoch
	seed=$1 name=$2 file=$OUT/$2.safetensors && shift 2
	rows train "$ROWS" | cv-read --epochs "$EPOCHS" --shuffle --seed "$seed" | cv-augment pad-crop=4 hflip |
		"$@" --lr "$LR" -b "$BATCH" -o "$file"
	score "$seed" "$name" "$file"
}

if [ -n "$TEACHER" ]; then score - teacher "$TEACHER"; else train 0 teacher cv-train --arch "$TEACHER_ARCH"; fi
for s in $SEEDS; do
	train "$s" alone cv-train --arch "$STUDENT"
	train "$s" distilled cv-distill --arch "$STUDENT" --teacher "${TEACHER:-$OUT/teacher.safetensors}"
done
awk '$1 == "alone" { a = $3 } $1 == "distilled" { d = $3 - a; n++; sum += d; square += d * d }
	END { split("12.71 4.303 3.182 2.776 2.571 2.447 2.365 2.306 2.262", t, " "); m = sum / n
		half = n > 1 ? (n < 11 ? t[n - 1] : 2.2) * sqrt((square / n - m * m) / (n - 1)) : "unknown"
		print "gain\t" m "\tinterval\t" half }' "$OUT/figures.tsv" # half of 95 %, by Student
