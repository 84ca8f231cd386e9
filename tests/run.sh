#!/bin/sh
# Runs the tests of a build: the C programs of tests/unit, then the bats files, and ends with one line
# of totals. tests/run.sh [unit|NAME.bats ...]; BUILD names the build folder, LOG the file that has all
# lines, TESTS=tsan leaves out what a slowed-down program cannot do in time.
set -u
cd "$(dirname "$0")/.." || exit 1
: "${BUILD:=build}"
export BUILD
log=${LOG:-$BUILD/test.log}
: >"$log"
pass=0 fail=0 skip=0

count() { # adds up the ok / not ok / skip lines of the last run, $1 its exit code, $2 its name
	pass=$((pass + $(grep -c '^ok ' "$log.part")))
	fail=$((fail + $(grep -c '^not ok ' "$log.part")))
	skip=$((skip + $(grep -c -e '^skip ' -e '^ok .* # skip' "$log.part")))
	pass=$((pass - $(grep -c '^ok .* # skip' "$log.part")))
	if [ "$1" -ne 0 ] && ! grep -q '^not ok ' "$log.part"; then
		echo "not ok $2: exit $1"
		fail=$((fail + 1))
	fi
	grep -e '^not ok ' -e '^#' "$log.part"
	cat "$log.part" >>"$log"
}

units=$(ls "$BUILD"/unit 2>/dev/null)
bats=$(cd tests && ls ./*.bats 2>/dev/null)
case ${1-} in
unit) bats= ;;
'') ;;
*) units='' bats=$* ;;
esac

for t in $units; do
	echo "== unit/$t"
	"$BUILD/unit/$t" >"$log.part" 2>&1
	count $? "unit/$t"
done
for t in $bats; do
	echo "== ${t#./}"
	bats --tap "tests/${t#./}" >"$log.part" 2>&1
	count $? "$t"
done
rm -f "$log.part"
echo "$pass passed, $fail failed, $skip skipped"
[ "$fail" -eq 0 ] && [ "$pass" -gt 0 ]
