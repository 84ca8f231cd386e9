#!/bin/sh
# Nearest neighbours in a network's features, beside the baselines that any feature must beat: the
# pixels themselves, and the same network untrained.
#
#   knn.sh NET.safetensors                 on the drawn world of `cv-gen shapes`
#   DATA=fashion-mnist/ knn.sh NET.safetensors
#
# The bank is the training split: it is read to its end before the first query.
set -eu
: "${DATA:=}" "${ARCH:=resnet8}" "${K:=20}" "${OUT:=knn}" "${ROWS:=6000}" "${TEST_ROWS:=1000}"
net=${1-}
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

score() { # NAME COMMAND...: features of both splits by that filter, then one number
	name=$1
	shift
	rows train | "$@" >"$OUT/$name.cvt"
	rows test | "$@" | cv-knn --bank "$OUT/$name.cvt" -k "$K" | cv-eval >"$OUT/$name.txt"
	accuracy=$(sed -n 's/^accuracy *//p' "$OUT/$name.txt")
	printf '%s\t%s\n' "$name" "${accuracy:?}"
}

score pixels cat
score untrained cv-embed --arch "$ARCH"
[ -z "$net" ] || score network cv-embed -w "$net"
