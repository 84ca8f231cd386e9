#!/bin/sh
# Distillation: a small student learns from a larger teacher's soft answers (Hinton et al. 2015),
# beside the same student taught by the labels alone.
#
#   distill.sh                             on the drawn world of `cv-gen shapes`
#   DATA=cifar-10/ TEACHER=net.safetensors STUDENT=resnet8 distill.sh
set -eu
: "${DATA:=}" "${TEACHER:=}" "${TEACHER_ARCH:=resnet20}" "${STUDENT:=resnet8}" "${EPOCHS:=6}"
: "${SEED:=0}" "${OUT:=distill}" "${ROWS:=4000}" "${TEST_ROWS:=2000}" "${BATCH:=128}"
mkdir -p "$OUT"

rows() { # train|test
	if [ -n "$DATA" ]; then
		cv-read "$DATA" --split "$1"
	elif [ "$1" = train ]; then
		cv-gen shapes --split train -n "$ROWS"
	else
		cv-gen shapes --split test -n "$TEST_ROWS"
	fi
}

train() { # COMMAND OPTION...: on the training split, pictures drawn afresh in every epoch
	rows train | cv-read --epochs "$EPOCHS" --shuffle --seed "$SEED" |
		cv-augment pad-crop=4 hflip | "$@" --lr 0.2 -b "$BATCH"
}

score() { # NAME
	printf '%s\t' "$1"
	rows test | cv-embed -w "$OUT/$1.safetensors" --output logits | cv-eval | grep '^accuracy'
}

[ -n "$TEACHER" ] || train cv-train --arch "$TEACHER_ARCH" -o "$OUT/teacher.safetensors"
cp "${TEACHER:-$OUT/teacher.safetensors}" "$OUT/teacher.safetensors" 2>/dev/null || :
train cv-train --arch "$STUDENT" -o "$OUT/alone.safetensors"
train cv-distill --arch "$STUDENT" --teacher "$OUT/teacher.safetensors" -o "$OUT/distilled.safetensors"

for name in teacher alone distilled; do score "$name"; done
