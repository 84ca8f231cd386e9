#!/bin/sh
# run.sh [ROW]...: the table of README.md, a line a row and number of threads:
# ROW THREADS OURS PEER RATIO PEAK FRACTION
# OURS and PEER are units a second, medians of ROUNDS (default 3) alternating runs; PEAK is what the
# machine could multiply and add at that moment, GFLOP/s, and FRACTION our share of it, counted in
# operations of the direct way; '-' where a figure means nothing, or the peer is not installed.
# BUILD names the build, PEER_PYTHON the interpreter that has PyTorch.
# shellcheck disable=SC2086,SC2116 # lists of rows are meant to split
set -u
here=$(dirname "$0")
BUILD=${BUILD:-build}
ROUNDS=${ROUNDS:-3}
PYTHON=${PEER_PYTHON:-python3}
[ -x /usr/bin/python3 ] && [ -z "${PEER_PYTHON:-}" ] && PYTHON=/usr/bin/python3
PATH=$(cd "$BUILD" && pwd)/bin:$PATH
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

all="$("$BUILD"/bench/engine) knn-exact knn-one augment-simclr png-tar start"

# median FILE: of its numbers, one a line.
median() {
	sort -g "$1" | awk '{ v[NR] = $1 } END { print NR ? v[int((NR + 1) / 2)] : "-" }'
}

# cpu COMMAND...: runs it, prints the processor seconds of it and its children. POSIX `times` tells
# those of the shell's children on its second line: 0m1.234s 0m0.100s.
cpu() (
	"$@" >/dev/null 2>&1 || exit 1
	times >"$work/times" # not in a pipe: there it would be a child of its own
	awk 'NR == 2 { s = 0
		for (i = 1; i <= 2; i++) { split($i, t, "[ms]"); s += 60 * t[1] + t[2] }
		print s }' "$work/times"
)

# wall COMMAND...: the same by the clock.
wall() {
	from=$(date +%s.%N)
	"$@" >/dev/null 2>&1 || return 1
	awk -v a="$from" -v b="$(date +%s.%N)" 'BEGIN { print b - a }'
}

# took THREADS COMMAND...
took() {
	threads=$1
	shift
	if [ "$threads" = 1 ]; then cpu "$@"; else wall "$@"; fi
}

# ---- what commands are measured on, made once ------------------------------------------

pictures() {
	[ -e "$work/pictures.cvt" ] || cv-gen shapes --count 5000 --size 32x32 -o "$work/pictures.cvt"
}

tar_of_png() {
	[ -e "$work/png.tar" ] || "$BUILD"/bench/png "$work/png.tar" 8000
}

# ---- ours ------------------------------------------------------------------------------

# Each prints UNITS_PER_SECOND FLOP_PER_UNIT PEAK, or '- - -'.
per_second() {
	awk -v n="$1" -v s="$2" 'BEGIN { if (s > 0) printf "%.6g - -\n", n / s; else print "- - -" }'
}

ours() {
	case $1 in
	augment-simclr)
		pictures && s=$(took "$2" cv-augment --threads "$2" random-resized-crop=32 hflip \
			color-jitter:0.8=.4,.4,.4,.1 grayscale:0.2 -i "$work/pictures.cvt") &&
			per_second 5000 "$s"
		;;
	png-tar) tar_of_png && s=$(took "$2" cv-read "$work/png.tar") && per_second 8000 "$s" ;;
	start) s=$(wall cv-eval --version) && per_second 1 "$s" ;;
	knn-*) "$BUILD"/bench/neighbours "$1" "$2" ;;
	*) "$BUILD"/bench/engine "$1" "$2" ;;
	esac || echo "- - -"
}

peer() {
	if [ "$1" = png-tar ]; then
		"$BUILD"/bench/png 8000
		return
	fi
	MALLOC_MMAP_THRESHOLD_=4294967296 MALLOC_TRIM_THRESHOLD_=4294967296 \
		"$PYTHON" "$here/peer.py" "$1" "$2" 2>/dev/null || echo -
}

# ---- a row -----------------------------------------------------------------------------

row() {
	rm -f "$work"/*.figures
	i=0
	while [ $((i += 1)) -le "$ROUNDS" ]; do
		ours "$1" "$2" >"$work/line" || return
		read -r speed flop peak <"$work/line"
		[ "$speed" = - ] || echo "$speed" >>"$work/ours.figures"
		[ "$flop" = - ] || echo "$peak" >>"$work/peak.figures"
		theirs=$(peer "$1" "$2")
		[ "$theirs" = - ] || echo "$theirs" >>"$work/peer.figures"
	done
	touch "$work/ours.figures" "$work/peer.figures" "$work/peak.figures"
	echo "$1 $2 $(median "$work/ours.figures") $(median "$work/peer.figures") $flop \
$(median "$work/peak.figures")" | awk '{
		ratio = $3 != "-" && $4 != "-" ? sprintf("%.2f", $3 / $4) : "-"
		peak = $6 != "-" ? sprintf("%.1f", $6 / 1e9) : "-"
		share = $3 != "-" && $5 != "-" && $6 != "-" ? sprintf("%.2f", $3 * $5 / $6) : "-"
		print $1, $2, $3, $4, ratio, peak, share }'
}

[ $# -gt 0 ] || set -- $all
for r; do
	case " $(echo $all) " in
	*" $r "*) ;;
	*) echo "bench: no row '$r'; there are:" $all >&2 && exit 2 ;;
	esac
	for t in ${THREADS:-1 2}; do
		row "$r" "$t"
	done
done
