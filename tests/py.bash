# Tests that make or check streams with numpy: py PROGRAM runs it with the helpers of cvt.py.
python=
for p in python3 /usr/bin/python3; do
	[ -n "$python" ] || ! "$p" -c 'import numpy' 2>/dev/null || python=$p
done

py() {
	[ -n "$python" ] || skip "no python3 with numpy here"
	PYTHONPATH="$top/tests" "$python" -c "from cvt import *
$1"
}
