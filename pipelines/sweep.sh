#!/bin/sh
# A sweep with GNU parallel: every combination of learning rate, weight decay and seed, JOBS at a
# time, and a table of the figures on validation rows, best first.
#
#   sweep.sh                                 the drawn world, some minutes
#   DATA=cifar-10/ ARCH=resnet20 EPOCHS=30 LR='0.05 0.1 0.2' JOBS=8 sweep.sh
#
# Typed again, it does what is missing: finished runs are skipped (parallel's --resume-failed, by
# the job log), interrupted ones go on from their checkpoints. Nothing here looks at a test split.
set -eu
export LC_ALL=C
: "${DATA:=}" "${ARCH:=resnet8}" "${EPOCHS:=4}" "${OUT:=sweep}" "${JOBS:=1}" "${ROWS:=4000}"
: "${LR:=0.05 0.2}" "${WD:=0.0005}" "${SEEDS:=0 1}"
mkdir -p "$OUT"
export ARCH EPOCHS OUT

[ -e "$OUT/train.cvt" ] || if [ -n "$DATA" ]; then cv-read "$DATA" --split train; else
	cv-gen shapes --split train -n "$ROWS"; fi | cv-read --val-fraction 0.1 -o "$OUT/train.cvt"

cat >"$OUT/run" <<'END'
#!/bin/sh
x=$OUT/lr$1-wd$2-seed$3
[ -e "$x.safetensors" ] || cv-read "$OUT/train.cvt" --epochs "$EPOCHS" --shuffle --seed "$3" |
	cv-augment pad-crop=4 hflip |
	cv-train -q --threads 1 --arch "$ARCH" --lr "$1" --weight-decay "$2" --resume auto \
		--metrics "$x.tsv" -o "$x.safetensors"
END
chmod +x "$OUT/run"

# shellcheck disable=SC2086 # lists of words
parallel --will-cite -j "$JOBS" --joblog "$OUT/jobs" --resume-failed "$OUT/run" \
	::: $LR ::: $WD ::: $SEEDS

for model in "$OUT"/lr*.safetensors; do # the last figures of each run's validation
	best=$(awk -F '\t' 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "val_accuracy") k = i }
		NR > 1 && $k > best { best = $k } END { if (!k) exit 1; print best + 0 }' "${model%.safetensors}.tsv")
	printf '%s\t%s\n' "$best" "$model"
done >"$OUT/table.tsv"
sort -rn "$OUT/table.tsv"
