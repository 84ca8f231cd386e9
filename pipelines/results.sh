#!/bin/sh
# Reruns the learning results (the rows of results.tsv, which airbench.sh learns) and writes the table
# $OUT/RESULTS.md: means over SEEDS, with and without the mirror image (TTA), PFLOP (three times the forward
# pass), minutes, and what any network must beat (kNN on pixels and on an untrained one). The test split is
# read when training is over; nothing is chosen on it.
#
#   DATA_ROOT=folder results.sh [NAME...]         the folder holds mnist/ fashion-mnist/ cifar-10/
set -eu
export LC_ALL=C
here=$(cd "$(dirname "$0")" && pwd) tab=$(printf '\t')
: "${DATA_ROOT:?say where the data sets are: DATA_ROOT=folder}" "${SEEDS:=0 1 2}" "${OUT:=results}"
names=$(cut -f 1 "$here/results.tsv" | tr '\n' ' ') && mkdir -p "$OUT"
for n in "$@"; do case " $names" in *" $n "*) ;; *) echo "results.sh: '$n' is none of $names" >&2 && exit 2 ;; esac done

run() { # SEED: what airbench.sh prints, then what the table tells beside it
	net=$OUT/$name-$1/net.safetensors start=$(date +%s)
	SEED=$1 OUT=$OUT/$name-$1 sh "$here/airbench.sh"
	awk "BEGIN { print \"minutes\", ($(date +%s) - $start) / 60 }"
	cv-read "$DATA" --split test | cv-embed -w "$net" --output logits | cv-eval >"$OUT/alone.txt"
	cv-view --summary "$net" >"$OUT/summary.txt"
	sed -n 's/^accuracy/alone/p; /^parameters /p; /^flop /p' "$OUT/alone.txt" "$OUT/summary.txt"
	sed -n '$s/.*"step": \([0-9]*\).*/steps \1/p' "$OUT/$name-$1/train.jsonl"
}
echo '| name | parameters | test accuracy | sd | without TTA | seeds | PFLOP | minutes | kNN pixels | kNN untrained |
|---|---|---|---|---|---|---|---|---|---|' >"$OUT/RESULTS.md"
while IFS=$tab read -r name data EPOCHS TTA WIDTHS AUGMENT NORM; do
	case " ${*:-$names} " in *" $name "*) ;; *) continue ;; esac
	DATA=$DATA_ROOT/$data TTA=${TTA#---} base=$OUT/${data%%/*}-knn
	export DATA EPOCHS TTA WIDTHS AUGMENT NORM="${NORM#---}"
	for seed in $SEEDS; do run "$seed" >"$OUT/$name-$seed.txt" </dev/null; done
	if [ ! -s "$base.txt" ]; then OUT=$base sh "$here/knn.sh" >"$base.part" </dev/null; mv "$base.part" "$base.txt"; fi
	cat "$OUT/$name"-[0-9]*.txt "$base.txt" | awk -v name="$name" '{ all[$1] += $2; of[$1] = $2 }
		$1 == "accuracy" { n++; square += $2 * $2 }
		END { m = all["accuracy"] / n; v = square / n - m * m
			printf "| %s | %d | %.4f | %.4f | %.4f | %d | %.2f | %.1f | %s | %s |\n", name,
				of["parameters"], m, (v > 0 ? sqrt(v) : 0), all["alone"] / n, n,
				3e-15 * 512 * of["flop"] * of["steps"], all["minutes"] / n, of["pixels"], of["untrained"] }' >"$OUT/row.txt"
	cat "$OUT/row.txt" >>"$OUT/RESULTS.md"
	cat "$OUT/row.txt"
done <"$here/results.tsv"
