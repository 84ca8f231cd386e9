#!/bin/sh
# run.sh [ROW]...: the table of README.md, a line a row and number of threads:
# ROW THREADS OURS PEER RATIO PEAK FRACTION
# OURS and PEER are units a second, medians of ROUNDS (default 3) alternating runs; PEAK is what the
# machine could multiply and add at that moment, GFLOP/s, and FRACTION our share of it, counted in
# operations of the direct way; '-' where a figure means nothing, or the peer is not installed. Of
# rows -memory OURS and PEER are MiB, and RATIO is PEER/OURS: larger is better everywhere. A comment
# on stderr tells how far the runs lie apart, and what PyTorch does as it comes.
# BUILD names the build, PEER_PYTHON the interpreter that has PyTorch.
# shellcheck disable=SC2086,SC2116 # lists of rows are meant to split
set -u
export LC_ALL=C # what sort and awk take for a number
here=$(dirname "$0")
BUILD=${BUILD:-build}
ROUNDS=${ROUNDS:-3}
PYTHON=${PEER_PYTHON:-python3}
[ -x /usr/bin/python3 ] && [ -z "${PEER_PYTHON:-}" ] && PYTHON=/usr/bin/python3
PATH=$(cd "$BUILD" && pwd)/bin:$PATH
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

networks=$("$BUILD"/bench/engine) || exit 1
all="$networks pipeline-train knn-exact knn-one augment-simclr augment-randaugment png-tar start"

# among WORD LIST
among() {
	case " $(echo $2) " in
	*" $1 "*) ;;
	*) return 1 ;;
	esac
}

# median FILE: of its numbers, one a line.
median() {
	sort -g "$1" | awk '{ v[NR] = $1 } END { print NR ? v[int((NR + 1) / 2)] : "-" }'
}

# spread FILE: "LEAST..MOST".
spread() {
	sort -g "$1" | awk 'NR == 1 { least = $1 } END { print least ".." $1 }'
}

# ratio ROW OURS PEER
ratio() {
	echo "$@" | awk '$2 == "-" || $3 == "-" { print "-"; next }
		{ printf "%.2f\n", $1 ~ /-memory$/ ? $3 / $2 : $2 / $3 }'
}

# children FILE: processor seconds of a shell's children. POSIX `times`, which wrote the file, tells them on
# its second line: 0m1.234s 0m0.100s.
children() {
	awk 'NR == 2 { s = 0
		for (i = 1; i <= 2; i++) { split($i, t, "[ms]"); s += 60 * t[1] + t[2] }
		print s }' "$1"
}

# cpu COMMAND...: runs it, prints the processor seconds of it and its children.
cpu() (
	"$@" >/dev/null 2>&1 || exit 1
	times >"$work/times" # not in a pipe: there it would be a child of its own
	children "$work/times"
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

# Eight times as many: filters are over with those at once.
many_pictures() {
	pictures && { [ -e "$work/many.cvt" ] ||
		cv-read "$work/pictures.cvt" --epochs 8 -o "$work/many.cvt"; }
}

# sh tells processor time in hundredths of a second: enough pictures to take some dozens.
tar_of_png() {
	[ -e "$work/png.tar" ] || "$BUILD"/bench/png "$work/png.tar" 40000
}

# ---- ours ------------------------------------------------------------------------------

# Each prints UNITS_PER_SECOND FLOP_PER_UNIT PEAK, or '- - -'.
per_second() {
	awk -v n="$1" -v s="$2" 'BEGIN { if (s > 0) printf "%.6g - -\n", n / s; else print "- - -" }'
}

# augment THREADS OPERATION...
augment() {
	threads=$1
	shift
	many_pictures &&
		s=$(took "$threads" cv-augment --threads "$threads" -i "$work/many.cvt" "$@") &&
		per_second 40000 "$s"
}

# A whole training, from the file to the model: one epoch. Each stage leaves its times, cv-train the shares of
# its operators.
# shellcheck disable=SC2016 # the inner shell expands them
pipeline() {
	pictures && s=$(took "$1" sh -c 'cd "$1" &&
		(cv-read pictures.cvt --epochs 1 --shuffle; times >cv-read.times) |
		(cv-augment pad-crop=4 hflip; times >cv-augment.times) |
		(cv-train --arch resnet8 --threads "$2" -q --profile -o net.safetensors 2>operators || exit
			times >cv-train.times)' sh "$work" "$1") &&
		per_second 5000 "$s"
}

# What its last run left.
stages() {
	for c in cv-read cv-augment cv-train; do
		echo "# pipeline-train $1 $c $(children "$work/$c.times") processor seconds"
	done
	sed "s/^/# pipeline-train $1 cv-train: /" "$work/operators"
}

ours() {
	case $1 in
	augment-simclr)
		augment "$2" random-resized-crop=32 hflip color-jitter:0.8=.4,.4,.4,.1 grayscale:0.2
		;;
	augment-randaugment) augment "$2" rand-augment=2,9 ;;
	pipeline-train) pipeline "$2" ;;
	png-tar) tar_of_png && s=$(took "$2" cv-read "$work/png.tar") && per_second 40000 "$s" ;;
	start) s=$(wall cv-eval --version) && per_second 1 "$s" ;;
	knn-*) "$BUILD"/bench/neighbours "$1" "$2" ;;
	*) "$BUILD"/bench/engine "$1" "$2" ;;
	esac || echo "- - -"
}

# ---- theirs ----------------------------------------------------------------------------

# peer ROW THREADS [VARIABLE=VALUE]... Debian's OpenBLAS does not heed torch.set_num_threads: with one thread
# asked for it took both cores, and twice the processor time.
peer() {
	row=$1 threads=$2
	shift 2
	case $row in
	pipeline-train) echo - ;;
	png-tar) tar_of_png && "$BUILD"/bench/png "$work/png.tar" ;;
	*)
		env OPENBLAS_NUM_THREADS="$threads" "$@" \
			"$PYTHON" "$here/peer.py" "$row" "$threads" 2>/dev/null || echo -
		;;
	esac
}

# Freed memory is kept and used again, which saves PyTorch a page fault for every 4 KiB. Where memory
# is what counts, it gives it back, as it comes. OpenBLAS of OpenMP, where it is installed: with several threads
# Debian's other one fights PyTorch's.
openmp=
for d in /usr/lib/*/openblas-openmp; do
	[ ! -d "$d" ] || openmp=$d
done
tuned() {
	case $1 in
	*-memory) peer "$1" "$2" ;;
	*) peer "$1" "$2" MALLOC_MMAP_THRESHOLD_=4294967296 MALLOC_TRIM_THRESHOLD_=4294967296 \
		${openmp:+LD_LIBRARY_PATH="$openmp"} ;;
	esac
}

# As it comes, where that is another figure.
untuned() {
	case $1 in
	*-memory) echo - ;;
	*) if among "$1" "$networks"; then peer "$1" "$2"; else echo -; fi ;;
	esac
}

# ---- a row -----------------------------------------------------------------------------

# keep FILE FIGURE
keep() {
	[ "$2" = - ] || echo "$2" >>"$work/$1.figures"
}

# measure ROW THREADS: its figures into files; sets flop, operations a unit.
measure() {
	for f in ours peer peak untuned; do : >"$work/$f.figures"; done
	i=0
	while [ $((i += 1)) -le "$ROUNDS" ]; do
		ours "$1" "$2" >"$work/line"
		read -r speed flop peak <"$work/line"
		keep ours "$speed"
		keep peak "$peak"
		keep peer "$(tuned "$1" "$2")"
		keep untuned "$(untuned "$1" "$2")"
	done
}

# comment ROW THREADS: how far the runs lie apart, what more threads gave, and the untuned peer.
comment() {
	[ -s "$work/ours.figures" ] || return 0
	text="# $1 $2 spread $(spread "$work/ours.figures") of OURS"
	if [ "$2" = 1 ]; then
		median "$work/ours.figures" >"$work/one.$1"
	elif [ -s "$work/one.$1" ]; then
		one=$(cat "$work/one.$1")
		text="$text, $(ratio "$1" "$(median "$work/ours.figures")" "$one") times one thread's"
	fi
	[ ! -s "$work/peer.figures" ] || text="$text, $(spread "$work/peer.figures") of PEER"
	if [ -s "$work/untuned.figures" ]; then
		u=$(median "$work/untuned.figures")
		text="$text; PEER untuned $u (ratio $(ratio "$1" "$(median "$work/ours.figures")" "$u"))"
	fi
	echo "$text" >&2
	[ "$1" != pipeline-train ] || stages "$2" >&2
}

row() {
	measure "$1" "$2"
	o=$(median "$work/ours.figures") p=$(median "$work/peer.figures")
	echo "$1 $2 $o $p $(ratio "$1" "$o" "$p") $flop $(median "$work/peak.figures")" | awk '{
		peak = $7 != "-" ? sprintf("%.1f", $7 / 1e9) : "-"
		share = $3 != "-" && $6 != "-" && $7 != "-" ? sprintf("%.2f", $3 * $6 / $7) : "-"
		print $1, $2, $3, $4, $5, peak, share }'
	comment "$1" "$2"
}

[ $# -gt 0 ] || set -- $all
for r; do
	among "$r" "$all" || {
		echo "bench: no row '$r'; there are:" $all >&2
		exit 2
	}
	for t in ${THREADS:-1 2}; do
		row "$r" "$t"
	done
done
