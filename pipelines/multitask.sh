#!/bin/sh
# Several tasks on one network (hard sharing): class, mask and depth of the drawn world. The network
# learns all three at once, by the plain sum of the losses and by learned uncertainties (Kendall et
# al. 2018); beside them stands the same network that learned one alone, from as many rows, so that
# negative transfer shows. Prints every network's figures on unseen worlds, and its seconds.
#
#   SIZE=32 ROWS=100000 multitask.sh
set -eu
: "${ARCH:=multitask}" "${LR:=0.3}" "${BATCH:=16}" "${SEED:=0}" "${OUT:=multitask}" "${ROWS:=20000}"
: "${TEST_ROWS:=2000}" "${SIZE:=16}" "${TRAIN=--clip-norm 1}"
mkdir -p "$OUT"

figures() { # FIELD PREDICTION NAME...: the figures of those names
	cv-eval --truth "$1" --predicted "$2" "$net.cvt" >"$net.txt"
	shift 2
	for figure; do figure=$(sed -n "s/^$figure *//p" "$net.txt"); row="$row	${figure:?}"; done
}

learn() { # NAME HEAD...
	net=$OUT/$1 heads=$* && shift
	# shellcheck disable=SC2046,SC2086 # TRAIN is a list of words
	cv-gen shapes -n "$ROWS" --size "$SIZE" --fields image,label,mask,depth |
		cv-train --arch "$ARCH" $(printf -- '--head %s ' "$@") --lr "$LR" -b "$BATCH" $TRAIN \
			--seed "$SEED" --metrics "$net.jsonl" -o "$net.safetensors"
	seconds=$(sed -n '$s/.*"seconds": \([0-9]*\).*/\1/p' "$net.jsonl")
	row="${net##*/}	${seconds:?}"
	cv-gen shapes --split test -n "$TEST_ROWS" --size "$SIZE" --fields image,label,mask,depth |
		cv-embed -w "$net.safetensors" -o "$net.cvt" \
			--output label=prediction,mask=prediction.mask,depth=prediction.depth
	case $heads in *label:*) figures label prediction accuracy ;; *) row="$row	-" ;; esac
	case $heads in *mask:*) figures mask prediction.mask miou ;; *) row="$row	-" ;; esac
	case $heads in *depth:*) figures depth prediction.depth rmse abs-rel delta1 ;; esac
	echo "$row"
}

printf 'network\tseconds\taccuracy\tmiou\trmse\tabs-rel\tdelta1\n'
learn sum label:cross-entropy mask:cross-entropy depth:l1
TRAIN="$TRAIN --uncertainty" learn uncertainty label:cross-entropy mask:cross-entropy depth:l1
for head in label:cross-entropy mask:cross-entropy depth:l1; do learn "${head%:*}" "$head"; done
