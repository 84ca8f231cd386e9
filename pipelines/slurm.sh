#!/bin/sh
#SBATCH --job-name=cvtools --array=0-2 --time=01:00:00 --cpus-per-task=4 --mem=8G
#SBATCH --requeue --open-mode=append --signal=B:TERM@120 --output=slurm-%A_%a.log
# A Slurm array: a seed a task. Two minutes before its time is over, Slurm sends SIGTERM: cv-train
# saves, the task asks to be queued again, and goes on from the checkpoint, to the same bytes as if
# it had never stopped. A node that dies costs what was done since the last --checkpoint-every.
#
#   sbatch slurm.sh
#   sbatch --array=0-9 --export=ALL,DATA=cifar-10/,ARCH=resnet20,EPOCHS=100 slurm.sh
set -u
: "${DATA:=}" "${ARCH:=resnet8}" "${EPOCHS:=4}" "${ROWS:=4000}" "${OUT:=runs}"
seed=${SLURM_ARRAY_TASK_ID:-0}
mkdir -p "$OUT"
[ ! -e "$OUT/$seed.safetensors" ] || exit 0 # done before it was queued again

rows() {
	if [ -n "$DATA" ]; then cv-read "$DATA" --split train; else cv-gen shapes -n "$ROWS"; fi
}

# The shell has to stay awake for its signal, so the pipeline runs behind it; cv-train's own process
# is told (a file holds its number: a pipeline has none).
rows | cv-read --epochs "$EPOCHS" --shuffle --seed "$seed" | cv-augment pad-crop=4 hflip |
	sh -c 'echo $$ >"$0.pid"; exec cv-train "$@"' "$OUT/$seed" --arch "$ARCH" \
		--threads "${SLURM_CPUS_PER_TASK:-0}" --checkpoint-every 5m --resume auto \
		-o "$OUT/$seed.safetensors" &
pipeline=$!
trap 'kill -TERM "$(cat "$OUT/$seed.pid")"' TERM INT
wait $pipeline
code=$?
while kill -0 $pipeline 2>/dev/null; do # wait ends when a signal comes, before cv-train has saved
	wait $pipeline
	code=$?
done
rm -f "$OUT/$seed.pid"
# 130 = told to stop, and saved. Bad input or a full disk would only come again.
[ $code -ne 130 ] || [ -z "${SLURM_JOB_ID:-}" ] || scontrol requeue "$SLURM_JOB_ID"
exit $code
