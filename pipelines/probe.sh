#!/bin/sh
# How good are features? A linear layer on stages of a network, their maps pooled to POOL x POOL cells:
# the best stage is chosen on validation rows, and its test accuracy stands beside kNN on the same
# features, the same stage untrained, and the pixels.
#
#   DATA=cifar-10/ probe.sh rot.safetensors conv2 conv3 conv4      (without DATA: drawn pictures)
set -eu
export LC_ALL=C
: "${DATA:=}" "${POOL:=4}" "${PROBE_EPOCHS:=12}" "${SEED:=0}" "${OUT:=probe}" "${ROWS:=6000}" "${K:=20}"
: "${TEST_ROWS:=2000}" "${PROBE_VAL:=0.1}" "${net:=$1}" "${best:=}" "${high:=-1}"
shift && mkdir -p "$OUT"
if [ -n "$DATA" ]; then cv-read "$DATA" --split train; else cv-gen shapes -n "$ROWS"; fi |
	cv-read --val-fraction "$PROBE_VAL" --seed "$SEED" >"$OUT/train.cvt"
if [ -n "$DATA" ]; then cv-read "$DATA" --split test; else cv-gen shapes --split test -n "$TEST_ROWS"; fi |
	cv-read --seed "$SEED" >"$OUT/test.cvt" # a network without weights is drawn from it

learn() { # NAME STAGE NETWORK...: a linear layer on that stage; says its validation accuracy
	name=$1 stage=$2 && shift 2
	cv-embed "$@" --output "$stage=embedding" --pool "$POOL" "$OUT/train.cvt" >"$OUT/$name.cvt"
	cv-train -q --arch probe --epochs "$PROBE_EPOCHS" --metrics "$OUT/probe.jsonl" -o "$OUT/$name.st" "$OUT/$name.cvt"
	val=$(sed -nE '$s/.*"val_accuracy": ([^,}]*).*/\1/p' "$OUT/probe.jsonl")
	printf 'validation\t%s\t%s\t%s\n' "$name" "$stage" "${val:?}"
}
judge() { # NAME STAGE NETWORK...: the test split, once
	name=$1 stage=$2 && shift 2
	cv-embed "$@" --output "$stage=embedding" --pool "$POOL" "$OUT/test.cvt" >"$OUT/judge.cvt"
	cv-embed -w "$OUT/$name.st" --output logits "$OUT/judge.cvt" | cv-eval >"$OUT/judge.txt"
	cv-knn --bank "$OUT/$name.cvt" -k "$K" "$OUT/judge.cvt" | cv-eval >>"$OUT/judge.txt"
	awk -v row="$name\t$stage" '$1 == "accuracy" { a[++n] = $2 } END { if (n != 2) exit 1; print row "\tlinear " a[1] "\tkNN " a[2] }' "$OUT/judge.txt"
}
for s; do
	learn "$s" "$s" -w "$net"
	if awk "BEGIN { exit !($val > $high) }"; then best=$s high=$val; fi
done
cv-view --arch "$net" >"$OUT/net.arch"
learn untrained "$best" --arch "$OUT/net.arch"
learn pixels embedding --arch pixels
judge "$best" "$best" -w "$net"
judge untrained "$best" --arch "$OUT/net.arch"
judge pixels embedding --arch pixels
