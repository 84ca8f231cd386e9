#!/usr/bin/env bats
# Promise 1 for the command line: every option of every tool that takes a value, with values at the
# edges of what numbers can be and with words that are none: a documented code, one line that says
# what is wrong, no output, within a gigabyte of addresses. Of the values a sample is tried; with
# TORTURE set (make torture), every one.
load helper
load train

setup_file() {
	export BATS_TEST_TIMEOUT=${TORTURE:+36}300
	cd "$BATS_FILE_TMPDIR"
	tiny
	quadrants s.cvt
	cv-gen shapes -n 40 --size 8x8 -o c.cvt
	cv-train -q --arch tiny.arch --epochs 1 -b 32 -o net.st s.cvt
	cv-embed -w net.st --output embedding,logits s.cvt -o bank.cvt
	cv-augment -i s.cvt view=2 hflip -o two.cvt
}

values=(0 1 -1 2 255 65536 2147483647 2147483648 4294967295 4294967296 4611686018427387904
	9223372036854775807 9223372036854775808 18446744073709551615 18446744073709551616
	nan inf -inf 1e999 1e-999 0.5 '' x 1, 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18 0x10 ' 1' '1 ' %s%n)

# tried OPTION VALUE COMMAND...: the command line with it.
tried() {
	local code=0
	rm -rf out
	mkdir out
	(
		[[ ${TESTS:-} == *san ]] || ulimit -v 1048576
		exec timeout -s KILL 20 "${@:3}" "$1=$2" -o out/x
	) </dev/null >told 2>said || code=$?
	case $code in
	0) return ;;
	1) grep -qE 'out of memory|No such file|cannot |raise ulimit -v' said || { echo "exit 1"; return 1; } ;;
	[2-5]) ;;
	*) echo "exit $code"; return 1 ;;
	esac
	[ "$(wc -l <said)" -eq 1 ] || { echo "not one line"; return 1; }
	[ ! -e out/x ] || { echo "exit $code, and an output"; return 1; }
}

# sweep LEAST COMMAND...: at least LEAST options; what may rightly take for ever gets no large number.
sweep() {
	local option value count=0 turn=0 k
	for option in $("$2" --help=tsv | awk -F '\t' '$1 ~ /^--/ && $2 != "" { print $1 }'); do
		case $option in --output | --input | --metrics) continue ;; esac
		count=$((count + 1))
		for k in "${!values[@]}"; do
			value=${values[$k]}
			[ -n "${TORTURE:-}" ] || [ $(((k + turn) % 10)) -eq 0 ] || continue
			[[ ! $option =~ ^--(epochs|steps|count|samples|batch-size|iterations|threads)$ || ${#value} -lt 5 || $value == *[!0-9]* ]] || continue
			tried "$option" "$value" "${@:2}" || { echo "${*:2} $option='$value'"; cat said; return 1; }
		done
		turn=$((turn + 1))
	done
	[ "$count" -ge "$1" ] || { echo "$count options"; return 1; }
}

@test "cv-gen and cv-read" {
	cp "$BATS_FILE_TMPDIR"/* .
	sweep 15 cv-gen shapes -n 4 --size 8x8
	sweep 25 cv-read s.cvt
}

@test "cv-augment, cv-embed and cv-knn" {
	cp "$BATS_FILE_TMPDIR"/* .
	sweep 4 cv-augment -i s.cvt hflip
	sweep 10 cv-embed -w net.st s.cvt
	sweep 10 cv-knn --bank bank.cvt bank.cvt
}

@test "cv-eval and cv-view" {
	cp "$BATS_FILE_TMPDIR"/* .
	sweep 8 cv-eval bank.cvt
	sweep 8 cv-view -n 4 s.cvt
}

@test "cv-train and cv-distill" {
	cp "$BATS_FILE_TMPDIR"/* .
	sweep 60 cv-train -q --arch tiny.arch s.cvt
	sweep 60 cv-train -q --arch tiny.arch --method simclr two.cvt
	sweep 60 cv-distill -q --arch tiny.arch --teacher net.st s.cvt
}

@test "the numbers of each operation of cv-augment" {
	cp "$BATS_FILE_TMPDIR"/* .
	cv-augment --list | cut -f 1 | grep -vxE 'view|one-of' >names
	turn=0
	while read -r name; do
		for k in "${!values[@]}"; do
			[ -n "${TORTURE:-}" ] || [ $(((k + turn) % 10)) -eq 0 ] || continue
			for word in "$name=${values[$k]}" "$name=3,${values[$k]}" "$name:${values[$k]}"; do
				tried --seed 1 cv-augment -i c.cvt "$word" || { echo "$word"; cat said; return 1; }
			done
		done
		turn=$((turn + 1))
	done <names
}

@test "files: none without a name, one input, standard input once; said before any work is done" {
	cp "$BATS_FILE_TMPDIR"/* .
	printf '0 1 1\n2 3 0\n' >pairs
	touch stdout.out stderr.out before
	ls -A >before
	for c in 'cv-gen shapes -n 4' 'cv-read s.cvt' 'cv-augment -i s.cvt hflip' 'cv-embed -w net.st s.cvt' \
		'cv-train -q --arch tiny.arch s.cvt' 'cv-distill -q --arch tiny.arch --teacher net.st s.cvt' \
		'cv-knn --bank bank.cvt bank.cvt' 'cv-eval bank.cvt' 'cv-view s.cvt'; do
		for o in -o --metrics --input; do
			fails 2 $c $o ''
			[[ $message == *": --"*": a file without a name; is a variable not set?" ||
				$message == *": -o: a file without a name; is a variable not set?" ]]
			[ ! -s stdout.out ]
			ls -A | cmp - before
		done
	done
	fails 2 cv-train --arch '' -o x.st s.cvt
	[[ $message == *': an architecture without a name; is a variable not set?' ]]
	fails 2 cv-knn --verify '' bank.cvt
	fails 2 cv-train -q --arch tiny.arch s.cvt --resume ''
	for c in cv-read 'cv-embed -w net.st' 'cv-train -q --arch tiny.arch -o x' cv-eval 'cv-view --head' \
		'cv-knn --bank bank.cvt'; do
		fails 2 $c -i s.cvt bank.cvt
		[[ $message == *": name the input as an operand or with -i, not both" ]]
	done
	twice() { # WHO WHO COMMAND...
		fails 2 "${@:3}" <s.cvt
		[[ $message == "$3: $1 and $2 both want standard input, which comes once; put one of them into a file" ]] ||
			{ echo "$message"; return 1; }
	}
	twice 'operand -' 'operand -' cv-read - -
	twice 'operand -' 'operand -' cv-view --diff - -
	twice --bank 'operand -' cv-knn --bank - -
	twice --fid 'operand -' cv-eval --fid - -
	twice --weights --input cv-embed -w - -i -
	twice --weights --input cv-embed -w teacher=- -i -
	twice --paste 'operand -' cv-read - --paste -
	twice --verify 'operand -' cv-knn --verify - -
	# What nothing names comes from standard input, too.
	twice 'the input' --fid cv-eval --fid -
	twice 'the input' --bank cv-knn --bank -
	twice 'the input' --verify cv-knn --verify -
	twice 'the input' --paste cv-read --paste -
	twice 'the input' --weights cv-embed -w -
	twice 'the input' @- cv-augment @-
	twice 'the input' --target cv-train --method dann --arch tiny.arch --target - -o x.st
	twice 'the input' --weights cv-train -w - -o x.st
	twice 'the input' --teacher cv-distill --arch tiny.arch --teacher - -o x.st
	cv-train -q --epochs 0 -w - -o again.st <net.st # there is no input then
}

@test "a list with an empty word is called by its option" {
	cp "$BATS_FILE_TMPDIR"/* .
	while read -r option command; do
		for empty in '' , a,; do
			# shellcheck disable=SC2086 # a command is words
			fails 2 $command "$option" "$empty"
			[[ $message == *": $option: '$empty' has an empty word; is a variable not set?" ]] ||
				{ echo "$message"; return 1; }
		done
	done <<-'EOF'
		--domain cv-gen shapes -o x
		--fields cv-gen shapes -o x
		--freeze cv-train --arch tiny.arch -o x s.cvt
		--lr-scale cv-train --arch tiny.arch -o x s.cvt
		--let cv-train --arch tiny.arch -o x s.cvt
		--betas cv-train --arch tiny.arch -o x s.cvt
		--class-weight cv-train --arch tiny.arch -o x s.cvt
		--output cv-embed -w net.st -o x s.cvt
		--keep cv-embed -w net.st -o x s.cvt
		--output cv-knn --bank bank.cvt -o x bank.cvt
		--report cv-eval bank.cvt
	EOF
}

@test "lists that stand twice are joined, and go into the history as they were typed" {
	cp "$BATS_FILE_TMPDIR"/* .
	cv-gen shapes -n 40 --fields image,label --fields mask --domain flat --domain neon -o twice.cvt
	cv-gen shapes -n 40 --fields image,label,mask --domain flat,neon -o once.cvt
	cv-view --diff once.cvt twice.cvt
	cv-view --history twice.cvt | grep -q -e '--fields image,label --fields mask --domain flat --domain neon'
	cv-read twice.cvt --classes circle --classes ring --rename mask=seen --rename label=kind --drop domain -o twice.2
	cv-read once.cvt --classes circle,ring --rename mask=seen,label=kind --drop domain -o once.2
	cv-view --diff once.2 twice.2
	cv-view --head twice.2 | grep '^field seen '
	[ "$(cv-view --head twice.cvt | grep -c '^field')" -eq 5 ]
	cv-read twice.cvt --drop mask --drop domain -o few.cvt
	[ "$(cv-view --head few.cvt | grep -c '^field')" -eq 3 ]
	cv-embed -w net.st --output embedding --output logits s.cvt --keep label --keep index -o both.cvt
	cv-view --head both.cvt | grep -q '^field logits '
	cv-view --head both.cvt | grep -q '^field embedding '
	cv-knn --bank bank.cvt --output prediction --output neighbours bank.cvt -o near.cvt
	cv-view --head near.cvt | grep -q '^field prediction '
	[ "$(cv-eval --report accuracy --report ece both.cvt | wc -l)" -eq \
		"$(cv-eval --report accuracy,ece both.cvt | wc -l)" ]
	fails 2 cv-train --arch tiny.arch --freeze fc --freeze nowhere -o x s.cvt
	[[ $message == *"--freeze nowhere: "* ]]
	fails 2 cv-read s.cvt --drop image --drop ''
}
