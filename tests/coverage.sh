#!/bin/sh
# The share of lines that were run, reader by reader, the least covered first, for each of the three
# kinds: streams, models, images; before them the other files beside them. Readers below LEAST percent
# (95) are marked, and make it fail: tests/coverage.sh BUILD after a run of programs
# that were built with gcov.
set -eu
export LC_ALL=C
build=$1
: "${LEAST:=95}"

streams='formats/stream_reader.c formats/stream_frame.c formats/stream_body.c formats/stream_file.c
	formats/head.c formats/head_text.c formats/cvt.c formats/crc.c formats/source.c formats/input.c'
models='formats/safetensors.c formats/safetensors_header.c formats/jsontext.c libcore/model.c libcore/arch.c libcore/arch_lex.c
	libcore/arch_parse.c libcore/arch_value.c'
images="$(sed -n 's/^FORMAT(\(.*\))/formats\/\1.c/p' formats/formats.def | grep -v /cvt.c)
	formats/png_rows.c formats/picture.c formats/pictures.c formats/arclib.c
	formats/unpack.c formats/tree.c formats/dataset.c formats/dataset_help.c"
# shellcheck disable=SC2086 # on one line
readers=" $(printf '%s ' $streams $models $images)"

# A line a file, "PERCENT LINES FILE"; one that no program ran has 0 of them.
shares() {
	for f in "$@"; do
		found=$(gcov -n -o "$build/obj/$(dirname "$f")" "$build/obj/${f%.c}.gcda" 2>/dev/null |
			awk -v want="$f" '/^File / { mine = $2 == "\x27" want "\x27" }
				mine && /^Lines executed/ { split($0, a, /[:% ]+/); print a[3], a[5]; exit }')
		echo "${found:-0 0} $f"
	done | sort -n
}

# report KIND LEAST FILE...: fails when one of them has less.
report() {
	kind=$1 least=$2
	shift 2
	echo "$kind:"
	shares "$@" | awk -v kind="$kind" -v least="$least" '
		{ low = $1 < least; run += $1 * $2; all += $2; bad += low
		  printf "%6.1f %% of %4d lines  %s%s\n", $1, $2, $3, low ? "  BELOW " least " %" : "" }
		END { printf "%6.1f %% of %4d lines  in all %s\n", all ? run / all : 0, all, kind; exit bad > 0 }'
}

others() {
	for f in formats/*.c libcore/aug/chain.c libcore/cli*.c; do
		case $readers in *" $f "*) ;; *) echo "$f" ;; esac
	done
}

failed=0
# shellcheck disable=SC2046,SC2086 # the lists are meant to split
{
	report 'other files' 0 $(others)
	report 'stream readers' "$LEAST" $streams || failed=1
	report 'model readers' "$LEAST" $models || failed=1
	report 'image readers' "$LEAST" $images || failed=1
}
exit $failed
