#!/usr/bin/env bats
# What the documents say to type works when it is typed: every command line of README, of the pages'
# EXAMPLES and of --help, on tiny data of the names that they use; and every pipeline, small.
load helper

# raw FIELD BYTES FILE: the values of a field, as they lie in memory.
raw() {
	cv-view --npy "$1" "$3" -o field.npy
	tail -c "$2" field.npy
}

# idx PREFIX SPLIT: 40 drawn pictures as IDX files.
idx() {
	cv-gen shapes -n 40 --split "$2" -o rows.cvt
	{
		printf '\0\0\10\4\0\0\0\50\0\0\0\40\0\0\0\40\0\0\0\3'
		raw image $((40 * 3072)) rows.cvt
	} | gzip >"$1-images-idx4-ubyte.gz"
	{
		printf '\0\0\10\1\0\0\0\50'
		printf "$(raw label 160 rows.cvt | od -An -v -tu4 -w4 | awk '{ printf "\\%03o", $1 }')"
	} | gzip >"$1-labels-idx1-ubyte.gz"
}

# photos FOLDER CLASS...: two pictures a class.
photos() {
	local class k=0
	raw image $((40 * 3072)) rows.cvt >pixels
	for class in "${@:2}"; do
		mkdir -p "$1/$class"
		for i in 1 2 3; do
			k=$((k + 1))
			{
				printf 'P6 32 32 255\n'
				tail -c +$((k * 3072 + 1)) pixels | head -c 3072
			} >"$1/$class/$i.ppm"
		done
	done
}

# Everything that an example reads.
setup_file() {
	export BATS_TEST_TIMEOUT=300
	mkdir "$BATS_FILE_TMPDIR/data"
	cd "$BATS_FILE_TMPDIR/data"
	mkdir fashion
	idx fashion/t10k test
	idx fashion/train train
	for d in fashion-mnist cifar-10 digits; do cp -r fashion $d; done
	cp fashion/train-images-idx4-ubyte.gz train-images-idx3-ubyte.gz
	cp fashion/train-labels-idx1-ubyte.gz .
	tar czf cifar.tar.gz fashion
	photos photos cat dog
	photos labelled cat dog
	photos others cat dog
	photos pets cat dog
	photos c/train cat dog
	cp -r c/train c/test
	tar czf cifar-10-binary.tar.gz -C c train test
	tar cf photos.tar photos
	cv-read fashion --split train -o train.cvt
	cv-read fashion --split test -o test.cvt
	cv-read fashion --split train --size 28x28 --channels 1 -o mnist-train.cvt
	cp test.cvt a.cvt
	cp test.cvt b.cvt
	cv-train --epochs 0 --arch resnet20 --num-classes 10 -o net.safetensors
	cv-train --epochs 0 --method gan --arch dcgan-cond --num-classes 10 -o gan.safetensors
	for m in resnet20 big old; do cp net.safetensors $m.safetensors; done
	cv-view --arch resnet20 >other.arch
	cp other.arch mine.arch
	cv-embed -w net.safetensors train.cvt -o bank.cvt
	cv-embed -w net.safetensors test.cvt -o query.cvt
	cv-embed -w net.safetensors --output logits test.cvt -o out.cvt
	cv-read out.cvt --drop label -o scores.cvt
	cv-read test.cvt --select label -o truth.cvt
	cp query.cvt x.cvt
	cp bank.cvt features.cvt
	for k in 1 2 3; do echo "{\"epoch\": $k, \"step\": $k, \"loss\": 1, \"lr\": 0.1}"; done >a.jsonl
	cp a.jsonl b.jsonl
	cp -r c/train omniglot_evaluation
	cv-gen shapes -n 8 --fields image,mask -o masks.cvt
	cv-gen shapes -n 8 --fields image,boxes -o boxes.cvt
	echo 'hflip color-jitter:0.8=.4,.4,.4,.1' >usual
	printf '#!/bin/sh\ncat\n' >jq
	chmod +x jq
	rm -f rows.cvt field.npy pixels
}

# A folder as setup_file made it.
fresh() {
	rm -rf "$BATS_TEST_TMPDIR/run"
	cp -r "$BATS_FILE_TMPDIR/data" "$BATS_TEST_TMPDIR/run"
	cd "$BATS_TEST_TMPDIR/run" || exit 1
}

setup() {
	fresh
	export PATH="$PATH:$PWD"
}

# Joins lines that go on, keeps those that begin with a command of ours.
commands() {
	awk '{ sub(/^ +/, ""); line = line (line == "" ? "" : " ") $0 }
		/(\||&&)$/ { next }
		/\\$/ { sub(/\\$/, "", line); next }
		{ if (line ~ /^cv-/) print line; line = "" }'
}

# runs: each line on stdin, made small, ends with 0; at least LEAST of them.
runs() {
	local line count=0
	cat >"$BATS_TEST_TMPDIR/lines"
	fresh
	while IFS= read -r line; do
		line=$(sed -E -e 's/--epochs [1-9][0-9]*/--epochs 1/g' -e 's/--per-class [0-9]+/--per-class 2/' \
			-e 's/(shapes.*) -n [0-9]+/\1 -n 40/' -e 's/(--episodes) [0-9x+]+/\1 2x1+1/' \
			-e 's/ \| (cv-train )?\.\.\.$//' <<<"$line")
		sh -c "$line" <test.cvt >out.txt 2>err.txt && [[ $line != *...* ]] || {
			echo "$line"
			cat err.txt
			return 1
		}
		count=$((count + 1))
	done <"$BATS_TEST_TMPDIR/lines"
	[ "$count" -ge "$1" ] || {
		echo "$count lines, wanted $1"
		return 1
	}
}

@test "README" {
	sed -n 's/^    //p' "$top/README.md" | commands | runs 2
}

# entries ARRAY FILE: how many that array of a test has.
entries() {
	sed -n "/^$1=(/,/^)/p" "$top/tests/$2" | grep -c "^	'"
}

@test "README counts what the tests try" {
	say=(none one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen)
	promise() { sed -n '/^| promise /,/^$/p' "$top/README.md" | grep -F "$1"; }
	methods=$(entries method_ways ways.bash)
	ways=$((methods + $(entries tool_ways ways.bash)))
	trainings=$((methods - $(sed -n '/^method_ways/,/^)/p' "$top/tests/ways.bash" | grep -c "^	'kmeans")))
	promise 'A killed training' | grep -F "| ${say[trainings]} trainings"
	promise 'number of threads' | grep -F "| $ways ways"
	promise 'An output file' | grep -F " of $ways ways"
	promise 'An output file' | grep -F "| ${say[$(entries writers faults.bats)]} writers"
	promise 'If anything upstream' | grep -F "| ${say[$(entries ends promises.bats)]} tools as the last"
}

@test "the examples of the pages" {
	for page in "$top"/cmd/*.[17] "$top"/formats/*.5 "$top"/libcore/*.5 "$top"/libcore/arch/*.5; do
		echo "$page"
		case $page in *.1) least=1 ;; *) least=0 ;; esac
		sed -n '/^\.Sh EXAMPLES/,/^\.Sh/p' "$page" |
			sed -n -e '/^\.Bd/,/^\.Ed/!d' -e '/^\./d' -e 's/\\-/-/g' -e 's/\\e/\\/g' -e p |
			commands | runs $least
	done
}

@test "the examples of --help" {
	for c in "$top"/cmd/cv-*.c; do
		c=$(basename "$c" .c)
		"$c" --help | sed '/^usage:/,$d' | commands | runs 1
	done
}

@test "every page is named by its name, describes all options, and is clean" {
	command -v mandoc >/dev/null || skip "no mandoc here"
	for page in "$top"/cmd/*.[17] "$top"/formats/*.5 "$top"/libcore/*.5 "$top"/libcore/arch/*.5; do
		name=$(basename "$page")
		sed -n '/^\.Sh NAME/{n;p;}' "$page" | grep -qx "\.Nm ${name%.*}"
		c=${name%.*}
		cp "$page" page
		case $page in
		*.1)
			"$c" --help=man >options
			sed -e '/^\.\\" OPTIONS/r options' "$page" >page
			mandoc -T ascii page | col -b >text
			for option in $("$c" --help=tsv | cut -f 1 | grep '^--'); do
				grep -q -e "$option" text
			done
			;;
		esac
		mandoc -T lint -W warning page >lint.out 2>&1 || true
		refute grep -vE 'referenced manual not found|outdated mandoc.db' lint.out
		for other in $(sed -n 's/^\.Xr \(cv[^ ]*\) \([157]\).*/\1.\2/p' "$page"); do
			ls "$top"/*/"$other" "$top"/*/*/"$other" 2>/dev/null | grep -q . || {
				echo "$name refers to $other"
				return 1
			}
		done
	done
}

@test "cvtools(7) tells every limit, with the default that --help tells, and what is fixed as it is" {
	page=$top/cmd/cvtools.7
	sed 's/\\-/-/g' "$page" >text
	cv-read --help=tsv | grep -e '^--max-' | grep -v -e '^--max-memory' >options
	[ "$(wc -l <options)" -ge 9 ]
	while IFS=$'\t' read -r option rest; do
		default=${rest##*\(} default=${default%%)*}
		grep -qE "Ta \"?$default( times)?\"? Ta Li cv-read $option\$" text || {
			echo "$option ($default)"
			return 1
		}
	done <options
	fixed() { # WORDS FILE TEXT: the page says so, as the file does
		grep -qF -e "$1" "$page" && grep -qE -e "$3" "$top/$2" || { echo "$1"; return 1; }
	}
	fixed 'a frame'\''s body" Ta "16M, 2G"' formats/stream_frame.h 'FRAME_HEAD_MOST = 16 << 20|FRAME_BODY_MOST .*1 << 31'
	fixed 'lists of class names" Ta "1024, 64"' formats/head.c 'MOST_FIELDS = 1024'
	fixed '"class numbers" Ta "64K' formats/head_text.c 'FREE_CLASSES = 65536'
	fixed 'header of an npy file, of a model" Ta "64K, 16M"' formats/safetensors_header.h 'HEADER_BYTES = 16 << 20'
	fixed 'tensors of a model, keys of its metadata" Ta "64K, 64K"' formats/safetensors_header.h 'HEADER_NAMES = 1 << 16'
	fixed 'header of an npy file' formats/npy.c 'HEADER_BYTES = 65536'
	fixed 'folders in folders, bytes of a file'\''s name" Ta "32, 4095"' formats/tree.c 'DEPTH = 32, NAME = 4096'
	fixed 'layers (elements) of a network, repetitions counted" Ta 10,000' libcore/arch_ast.h 'ARCH_ELEMENTS = 10000'
	fixed 'numbers in a row, in a parameter" Ta 2G' libcore/graph.c 'most_items = .*1 << 31'
	fixed '"10,000, 1M"' cmd/augment/words.c 'MOST_WORDS = 10000, MOST_BYTES = 1 << 20'
	fixed 'of up to 4M, as' formats/head.h '4 << 20'
}

# Everything that a .def list (or the table of initialisations) names has its own entry in a page.
@test "every operation, optimizer, schedule and initialisation is explained by its page" {
	explained() { # PAGE NAME...
		local page=$1 name
		shift
		for name; do
			grep -qE "^\.It Cm (.*[ ,])?$name( |$)" "$top/$page" || {
				echo "$page has no entry for $name"
				return 1
			}
		done
	}
	listed() { sed -nE 's/^[A-Z]+\(([a-z0-9_]+)\)$/\1/p' "$top/$1" | tr _ -; }
	# shellcheck disable=SC2046
	{
		explained cmd/cv-train.1 $(listed libcore/opt/opt.def) $(listed libcore/sched/sched.def)
		explained cmd/cv-augment.1 $(listed libcore/aug/aug.def)
		explained libcore/arch/cv-arch.5 $(sed -nE 's/^\t\{"([a-z-]+)", INIT_.*/\1/p' "$top/libcore/init.c")
	}
}

# ---- pipelines -----------------------------------------------------------------------------------------

# above VALUE LEAST
above() {
	awk -v v="$1" -v least="$2" 'BEGIN { print v; exit !(v > least) }'
}

# figure NAME FILE
figure() {
	awk -v name="$1" '$1 == name { print $NF }' "$2"
}

toy() {
	[ -z "${TESTS:-}" ] || skip "sanitizers take too long to learn"
	cat >toy.arch <<-'END'
		input image 32 32 3
		conv1: conv 16 5 stride=2 bias=0 | bn1: bn | relu
		conv2: conv 32 3 stride=2 bias=0 | bn2: bn | relu
		conv3: conv 64 3 stride=2 bias=0 | bn3: bn | relu
		gap | embedding: flatten | fc: linear classes
	END
	export ARCH=toy.arch STUDENT=toy.arch TEACHER_ARCH=toy.arch ROWS=2000 TEST_ROWS=500 \
		EPOCHS=12 BATCH=32 TRAIN='-b 32' OUT=out
}

# Small pictures of drawn shapes take some hundred steps before they tell anything.
@test "supervised.sh and knn.sh learn what pixels do not tell" {
	toy
	sh "$top/pipelines/supervised.sh" >told
	above "$(figure accuracy told)" 0.25
	sh "$top/pipelines/knn.sh" out/net.safetensors >told
	above "$(figure network told)" "$(figure pixels told)"
	above "$(figure network told)" "$(figure untrained told)"
}

@test "finetune.sh: what was learned before helps" {
	toy
	ROWS=4000 EPOCHS=30 sh "$top/pipelines/finetune.sh" >told
	above "$(figure finetuned told)" 0.15
	above "$(figure finetuned told)" "$(figure scratch told)"
}

@test "distill.sh: a student learns from its teacher" {
	toy
	EPOCHS=16 sh "$top/pipelines/distill.sh" >told
	above "$(figure teacher told)" 0.3
	above "$(figure distilled told)" 0.3
	ROWS=300 EPOCHS=1 SEEDS='0 1 2' sh "$top/pipelines/distill.sh" >told
	[ "$(grep -c '^distilled' told)" -eq 3 ]
	grep -qP '^gain\t\S+\tinterval\t0\.' told
}

@test "dann.sh and protonet.sh run to their figures" {
	toy
	ROWS=300 EPOCHS=1 TEST_ROWS=100 sh "$top/pipelines/dann.sh" >told
	figure source-only told | grep -q .
	figure dann told | grep -q .
	sed 's/ | fc: linear classes//' toy.arch >bare.arch
	ARCH=bare.arch ROWS=300 EPISODES=5 COUNT=20 sh "$top/pipelines/protonet.sh" >told
	[ "$(grep -c 'accuracy 0' told)" -eq 6 ]
}

@test "rotation.sh, simclr.sh and transfer.sh: learned without labels, read out, and taken further" {
	toy
	export STAGES='conv1 conv2 conv3' PROBE_EPOCHS=4 POOL=2 BODY=conv1,conv2,conv3
	ROWS=600 EPOCHS=2 TEST_ROWS=200 OUT=rotation sh "$top/pipelines/rotation.sh" >told
	[ "$(grep -c '^validation' told)" -eq 5 ]
	[ "$(grep -cP '^(conv[123]|untrained|pixels)\t.*linear 0[.].*kNN 0[.]' told)" -eq 3 ]
	ROWS=600 EPOCHS=2 TEST_ROWS=200 OUT=simclr sh "$top/pipelines/simclr.sh" >told
	[ "$(grep -cP '^(conv[123]|untrained|pixels)\t.*linear 0[.].*kNN 0[.]' told)" -eq 3 ]
	EPOCHS=6 ROWS=600 TEST_ROWS=200 PER_CLASS=10 sh "$top/pipelines/transfer.sh" simclr/net.safetensors >told
	for f in scratch frozen finetuned; do above "$(figure $f told)" 0.05; done
}

@test "tricks.sh: a row for each trick, its change with an interval, its cost, and what it was worth" {
	toy
	ROWS=300 EPOCHS=1 SEEDS='0 1' sh "$top/pipelines/tricks.sh" >told
	[ "$(wc -l <told)" -eq 11 ]
	[ "$(grep -cP '^\S+ +0[.]\d+ \+-\d[.]\d+ +[+-]0[.]\d+ \+-\d[.]\d+ +[\d.]+ s' told)" -eq 11 ]
	[ "$(grep -cP ' (helps|unsure|no help)$' told)" -eq 10 ]
	# the change is against the last row that was kept, seed by seed
	awk -F '\t' '{ n[$1]++; sum[$1] += $2; if (!($1 in at)) name[at[$1] = ++rows] = $1 }
		END { for (i = 1; i <= rows; i++) print name[i], sum[name[i]] / n[name[i]] }' out/all.tsv >means
	paste -d ' ' told means | awk '
		{ mean = $NF; change = mean - kept; d = change - $4; if (NR > 1 && d * d > 1e-7) exit 1 }
		!/no help/ { kept = mean }
		/no help/ && change > 1e-6 { exit 1 }'
	ARCH=missing.arch run sh "$top/pipelines/tricks.sh"
	[ "$status" -eq 2 ]
}

@test "demo.sh leaves pictures, a network and figures" {
	toy
	ROWS=300 TEST_ROWS=100 TRAIN= sh "$top/pipelines/demo.sh" >told
	for f in shapes.png answers.png; do head -c 4 out/$f | grep -q PNG; done
	cv-view --history out/net.safetensors | grep -q cv-train
}

@test "airbench.sh and kmeans.sh print their figures" {
	ROWS=600 TEST_ROWS=100 EPOCHS=2 WIDTHS=a=16,b=16,c=16 OUT=out sh "$top/pipelines/airbench.sh" >told
	figure accuracy told | grep -q '^0[.]'
	ROWS=500 TEST_ROWS=100 EPOCHS=2 CODES=32 OUT=out sh "$top/pipelines/kmeans.sh" >told
	for f in pixels-knn kmeans-knn kmeans-linear; do figure $f told | grep -q '^[01]'; done
}

@test "results.sh writes a row with its means and baselines" {
	DATA_ROOT=. SEEDS='0 1' OUT=out sh "$top/pipelines/results.sh" fashion >told
	cmp <(tail -n +3 out/RESULTS.md) told
	grep -qE '^[|] fashion [|] [0-9]+ ([|] 0[.][0-9]{4} ){3}[|] 2 ([|] [0-9.]+ ){4}[|]$' told
	[ "$(wc -l <told)" -eq 1 ]
	fails 2 env DATA_ROOT=. OUT=out sh "$top/pipelines/results.sh" nothing
}

@test "supervised.sh finds its rate, if asked to" {
	toy
	ROWS=600 TEST_ROWS=100 TRAIN='-b 8' LR=find OUT=out sh "$top/pipelines/supervised.sh" >told
	figure accuracy told | grep -q '^[01]'
	head -c 4 out/lr.png | grep -q PNG
	[ "$(wc -l <out/lr.tsv)" -gt 50 ]
	cv-view --history out/net.safetensors | grep -qE -- '--lr [0-9.e-]+ '
}

@test "pipelines read other data, too" {
	export ARCH=resnet8 EPOCHS=1 OUT=out DATA=fashion
	sh "$top/pipelines/supervised.sh" >told
	figure accuracy told | grep -q .
	K=5 sh "$top/pipelines/knn.sh" out/net.safetensors >told
	figure network told | grep -q .
	PER_CLASS=2 NET=out/net.safetensors sh "$top/pipelines/finetune.sh" >told
	figure finetuned told | grep -q .
	TEACHER=net.safetensors sh "$top/pipelines/distill.sh" >told
	figure distilled told | grep -q .
}

@test "segment.sh and multitask.sh leave networks, figures and pictures" {
	toy
	unset ARCH
	ROWS=300 TEST_ROWS=60 TRAIN='' sh "$top/pipelines/segment.sh" >told
	above "$(grep '^miou' told | cut -d ' ' -f 2)" 0.02
	head -c 4 out/answers.png | grep -q PNG
	ROWS=100 TEST_ROWS=50 TRAIN='--clip-norm 1' sh "$top/pipelines/multitask.sh" >told
	[ "$(wc -l <told)" -eq 6 ]
	above "$(figure uncertainty told)" 0
	figure label told | grep -qx -e -
}

@test "vae.sh and gan.sh leave pictures and figures" {
	toy
	cat >small.arch <<-'END'
		input image 28 28 1
		let code = 8
		net encoder image
		flatten | fc: linear 64 | gelu | moments: linear code*2
		net decoder code
		fc: linear 64 | gelu | out: linear 784 | reshape 28 28 1
	END
	ARCH=small.arch ROWS=400 TEST_ROWS=50 EPOCHS=2 SAMPLES=5 OUT=vae sh "$top/pipelines/vae.sh" >told
	above "$(figure elbo told)" "$(figure iwae told)"
	ARCH=dcgan-cond JUDGE=lenet5 ROWS=200 TEST_ROWS=100 EPOCHS=1 SAMPLES=100 OUT=gan \
		sh "$top/pipelines/gan.sh" >told
	above "$(figure generated told)" -1
	above "$(figure blurred told)" -1
	for f in vae/samples vae/between vae/again gan/samples; do head -c 4 $f.png | grep -q PNG; done
}

@test "compare.sh: a row for each ingredient of the lists, beside the plain training; all of cv-augment is among them" {
	toy
	cat >toy.arch <<-'END'
		input image 32 32 3
		conv1: conv 8 5 stride=4 | relu | layer1: { conv: conv 8 3 bias=0 | bn: bn }
		gap | embedding: flatten | fc: linear classes
	END
	export SEEDS=0
	ROWS=300 EPOCHS=1 TRAIN= sh "$top/pipelines/compare.sh" augment optimizer schedule trick >told
	lines=$(grep -vc '^arch' "$top/pipelines/ingredients.tsv")
	[ "$(wc -l <told)" -eq $((lines + 1)) ]
	[ "$(grep -cP '^\S.* 0[.]\d+  [+-]0[.]\d+ \+-1[.]0+ +[\d.]+ s$' told)" -eq $((lines + 1)) ]
	cv-augment --list | cut -f 1 | grep -vxE 'view|rotate4|rotate-classes' >names
	while read -r name; do
		cut -f 2 "$top/pipelines/ingredients.tsv" | grep -qE "(^| )$name([=: ]|\$)" || { echo "no pipeline has $name"; return 1; }
	done <names
	# what is named comes as it is; without a learning rate nothing is learned
	toy
	sh "$top/pipelines/compare.sh" '--lr 0' >told
	[ "$(wc -l <told)" -eq 2 ]
	awk '/^plain/ && $2 < 0.2 || /^--lr 0/ && $4 > -0.05 { exit 1 }' told || { cat told; return 1; }
	ROWS=300 EPOCHS=1 run sh "$top/pipelines/compare.sh" no-such-operation
	[ "$status" -ne 0 ]
	[[ $output == *"no-such-operation"* ]]
}
