# What every bats file starts with: the programs on PATH, a scratch folder, real data if it is there.
: "${BUILD:=build}"
top=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
case $BUILD in /*) bin=$BUILD/bin ;; *) bin=$top/$BUILD/bin ;; esac
export PATH="$bin:$PATH"
# DATA names a folder with fashion-mnist/, mnist/, cifar-10/ ...; tests that need it skip without.
if [ -z "${DATA:-}" ] && [ -d "$top/../shared/data" ]; then
	DATA=$(cd "$top/../shared/data" && pwd)
fi

need_data() {
	[ -n "${DATA:-}" ] && [ -e "$DATA/$1" ] || skip "no $1 here (set DATA)"
}

setup() {
	cd "$BATS_TEST_TMPDIR" || exit 1
}

# fails CODE COMMAND...: the command ends with that code and says exactly one line on stderr (kept in
# $message), nothing on stdout that matters.
fails() {
	local want=$1 code=0
	shift
	"$@" >stdout.out 2>stderr.out || code=$?
	message=$(cat stderr.out)
	[ "$code" -eq "$want" ] || {
		echo "exit $code, wanted $want: $*"
		echo "$message"
		return 1
	}
	[ "$(wc -l <stderr.out)" -eq 1 ] || {
		echo "not one line on stderr: $message"
		return 1
	}
}

# moment FROM TO: a random one between these, microseconds, in seconds. RANDOM tells which: set it first.
moment() {
	local at=$(($1 + RANDOM % 1000 * ($2 - $1) / 1000))
	printf '%d.%06d' $((at / 1000000)) $((at % 1000000))
}

# refute COMMAND...: must fail (a plain ! does not stop a test).
refute() {
	if "$@"; then
		echo "should have failed: $*"
		return 1
	fi
}
