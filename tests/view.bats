# cv-view: every way of looking.
load helper

golden=$BATS_TEST_DIRNAME/golden/v1

@test "--head prints HEAD, and does not wait for the rest" {
	cv-view --head "$golden/foreign.cvt" >head
	grep -qx 'format cvt 1' head
	grep -qx 'field table <f4 \* 2' head
	grep -qx 'future of keys' head
	grep -qx 'target rotation cross-entropy' head
	{ head -c 700 "$golden/basic.cvt"; sleep 5; } | timeout 3 cv-view --head | grep -qx 'rows 7'
}

@test "--stat counts rows, epochs, values and classes" {
	cv-view --stat "$golden/epochs.cvt" >stat
	grep -qx 'rows 12' stat
	grep -qx 'epochs 3' stat
	grep -qx 'batches 6' stat
	grep -q '^field index .*min 1 mean 3.75 max 8$' stat
	cv-view --stat "$golden/basic.cvt" >stat
	grep -qx 'class label -1 (unknown) 1' stat
	grep -qx 'class label 2 café au lait 1' stat
	cv-view --stat "$golden/padded.cvt" >stat
	grep -qx 'class boxes 0 circle 2' stat
	grep -q '^field name .*longest 7$' stat
}

@test "--validate is silent, or names the damage" {
	[ -z "$(cv-view --validate "$golden/basic.cvt" 2>&1)" ]
	cp "$golden/basic.cvt" bad.cvt
	printf '\377' | dd of=bad.cvt bs=1 seek=1300 conv=notrunc 2>/dev/null
	fails 3 cv-view --validate bad.cvt
	[[ $message == *bad.cvt*CRC* ]]
}

@test "--history is a pipeline, with the making of other files as comments" {
	cv-view --history "$golden/basic.cvt" >history
	[ "$(sed -n 1p history)" = "cv-read 'a b/' --seed 3 |" ]
	[ "$(sed -n 2p history)" = "  cv-embed -w net.safetensors --seed 3" ]
	[ "$(grep -vc '^#' history)" -eq 2 ]
	grep -q '^# .*cv-train --seed 0' history
	sh -n history
	fails 3 cv-view --history "$golden/epochs.cvt"
}

@test "--history of joined streams tells each by itself" {
	cv-gen shapes -n 5 --size 8x8 | cv-augment hflip -o a.cvt
	cv-gen shapes -n 5 --size 8x8 --start 9 -o b.cvt
	cv-read a.cvt b.cvt | cv-view --history >told
	[ "$(grep -c '^# a file that was read there was made by' told)" -eq 2 ]
	[ "$(grep -c ' |$' told)" -eq 1 ]
}

@test "--history runs again and gives the same bytes" {
	cp "$golden/basic.cvt" x.cvt
	cv-read x.cvt --take 4 | cv-read --drop label >y.cvt
	head=$(cv-view --history y.cvt | grep -v '^#')
	[[ $head == *"cv-read --take 4"*"cv-read --drop label"* ]]
	need_data fashion-mnist
	cv-read "$DATA/fashion-mnist" --split test --take 20 --shuffle --seed 4 | cv-read --take 7 >a.cvt
	cv-view --history a.cvt >again.sh
	sh again.sh >b.cvt
	cmp a.cvt b.cvt
}

@test "--diff says where two streams differ, by exit code too" {
	cv-view --diff "$golden/basic.cvt" "$golden/basic.cvt"
	code=0
	cv-view --diff "$golden/basic.cvt" "$golden/joined.cvt" >diff 2>err || code=$?
	[ "$code" -eq 1 ]
	[ ! -s err ]
	grep -q '^row 5' diff
	code=0
	cv-view --diff "$golden/basic.cvt" "$golden/ragged.cvt" >diff || code=$?
	[ "$code" -eq 1 ]
	grep -q '^field image' diff
	fails 3 cv-view --diff "$golden/basic.cvt" "$golden/failed.cvt"
	fails 2 cv-view --diff "$golden/basic.cvt"
}

@test "--diff names row, index, field and item" {
	python3 - "$BATS_TEST_DIRNAME/golden" <<-'EOF' || skip "no python here"
		import sys
		sys.dont_write_bytecode = True
		sys.path.insert(0, sys.argv[1])
		from make_streams import *
		for name, value in ("a", 7), ("b", 8):
		    s = Stream("field index <i8\nfield label <i4 3\n")
		    s.batch(2, [("index", "<i8", [2], 0, i8(5, 6)), ("label", "<i4", [2, 3], 0, i4(1, 2, 3, 4, 5, value))])
		    s.end_epoch()
		    open(name + ".cvt", "wb").write(s.done())
	EOF
	run cv-view --diff a.cvt b.cvt
	[ "$output" = "row 1 (index 6), field label, item 2: 7 against 8" ]
}

@test "--diff does not see frames, padding or history" {
	cv-read "$golden/padded.cvt" -o x.cvt
	refute cmp x.cvt "$golden/padded.cvt"
	cv-view --diff x.cvt "$golden/padded.cvt"
}

@test "--tsv has a column a number, a name a class" {
	cv-view --tsv "$golden/basic.cvt" >tsv
	[ "$(head -n 1 tsv)" = "$(printf 'index\tlabel\tlabel.class')" ]
	[ "$(sed -n 4p tsv)" = "$(printf '2\t2\tcafé au lait')" ]
	[ "$(wc -l <tsv)" -eq 8 ]
	cv-view --tsv -n 2 "$golden/padded.cvt" >tsv
	[ "$(sed -n 3p tsv)" = "$(printf '1\t1,1,1,3,4,2,0,1,2,2.5\ta\\011b\tx/1.png')" ]
	[ "$(wc -l <tsv)" -eq 3 ]
}

@test "--npy writes what numpy reads" {
	cv-view --npy image "$golden/basic.cvt" -o x.npy
	[ "$(head -c 8 x.npy | od -An -tx1 | tr -d ' ')" = 934e554d50590100 ]
	[ "$(stat -c %s x.npy)" -eq $((128 + 7 * 60)) ]
	fails 2 cv-view --npy imag "$golden/basic.cvt"
	[[ $message == *"did you mean 'image'"* ]]
}

@test "the grid is a PNG, the same every time" {
	cv-view "$golden/basic.cvt" -o a.png
	cv-view --grid <"$golden/basic.cvt" >b.png
	cmp a.png b.png
	[ "$(head -c 8 a.png | od -An -tx1 | tr -d ' ')" = 89504e470d0a1a0a ]
	# 4x5 pixels 25 times, in 3 columns of 7 pictures, 4 between, and a caption
	[ "$(dd if=a.png bs=1 skip=16 count=8 2>/dev/null | od -An -tu1 | tr -s ' ')" = " 0 0 1 135 0 0 1 102" ]
}

@test "a grid that does not fit in memory is refused" {
	cv-gen shapes -n 30 --size 8 -o s.cvt
	fails 4 cv-view s.cvt --scale 40 --max-memory 2M -o grid.png
	[[ $message == *": more than 3 pictures of this size do not fit; lower --count or --scale, or raise --max-memory" ]]
	[ ! -e grid.png ]
	cv-view s.cvt -n 3 --scale 40 --max-memory 2M -o grid.png
}

@test "grids of ragged, of f4 and of several views; overlays" {
	for s in ragged foreign joined epochs; do
		cv-view "$golden/$s.cvt" --columns 2 --scale 3 -o "$s.png"
		[ -s "$s.png" ]
	done
	cv-view "$golden/basic.cvt" --overlay -n 1 -o one.png
	[ -s one.png ]
	fails 3 cv-view "$golden/padded.cvt" -o none.png
	[ ! -e none.png ]
	fails 3 cv-view "$golden/basic.cvt" --field label -o none.png
}

@test "an overlay draws masks and boxes" {
	command -v cv-gen >/dev/null || skip "no cv-gen here"
	cv-gen shapes --fields image,mask,boxes -n 4 -o shapes.cvt
	cv-view shapes.cvt -o plain.png
	cv-view --overlay shapes.cvt -o drawn.png
	refute cmp -s plain.png drawn.png
}

@test "models: metadata, tensors, difference" {
	need_data weights
	model=$DATA/weights/cifar10_resnet20.safetensors
	cv-view --head "$model" >head
	grep -q '^tensor conv1.weight .* 16x3x3x3$' head
	grep -qx 'tensors 97' head
	cv-view --stat "$model" | grep -q '^tensor conv1.weight .* min .* max '
	cv-view --validate "$model"
	cv-view --diff "$model" "$model"
	run cv-view --diff "$model" "$DATA/weights/mnist_lenet5.safetensors"
	[ "$status" -eq 1 ]
	fails 2 cv-view --diff "$model" "$golden/basic.cvt"
	fails 2 cv-view --tsv "$model"
}

@test "--validate of a model refuses weights that are no finite numbers" {
	cv-train -q --arch lenet5 --num-classes 10 --epochs 0 -o net.st
	cv-view --validate net.st
	for bits in '\000\000\300\177' '\000\000\200\377'; do
		{
			head -c -4 net.st
			printf "$bits"
		} >bad.st
		fails 3 cv-view --validate bad.st
		[[ $message == *"bad.st: tensor 'fc3"*"finite"* ]] || { echo "$message"; return 1; }
	done
}

@test "architectures: --list, --arch, --summary" {
	cv-view --list | grep -q "^resnet20	"
	cv-view --arch resnet20 | grep -q '^input image 32 32 3'
	cv-view --arch resnet20 --summary >summary
	grep -qx 'parameters 269722' summary
	fails 2 cv-view --arch resnet21
	[[ $message == *resnet20* ]]
	fails 2 cv-view --summary "$golden/basic.cvt"
}

@test "the command line is checked" {
	fails 2 cv-view --head --stat "$golden/basic.cvt"
	fails 2 cv-view "$golden/basic.cvt" "$golden/basic.cvt"
	fails 2 cv-view --hed "$golden/basic.cvt"
	[[ $message == *--head* ]]
	fails 1 cv-view --head nowhere.cvt
	for c in "--diff $golden/basic.cvt $golden/basic.cvt" '--arch resnet8' '--summary --arch resnet8' --list; do
		fails 2 cv-view $c --metrics m.tsv
		[[ $message == *"--metrics: counts the rows"* ]]
	done
	[ "$(cv-view --help | wc -l)" -le 24 ]
}

@test "binary to a terminal is refused" {
	script -qec true /dev/null </dev/null >/dev/null 2>&1 || skip "no script(1) here"
	script -qec "cv-view $golden/basic.cvt; echo code \$?" /dev/null </dev/null | tr -d '\r' >out
	grep -q '^cv-view: .*terminal' out
	grep -qx 'code 2' out
}

@test "a caption of fixed length is text, too" {
	cv-gen shapes -n 3 --size 8x8 --fields caption,label -o s.cvt
	cv-view --head s.cvt | grep -qx 'field caption |u1 96'
	cv-view --tsv s.cvt >tsv
	[ "$(head -n 1 tsv)" = "$(printf 'label\tlabel.class\tcaption\tindex')" ]
	sed -n 2p tsv | cut -f 3 | grep -q '^a [a-z ]*$'
	cv-view --stat s.cvt | grep -q '^field caption .*longest [1-9]'
}

@test "--stat -n looks at the first rows alone, however they are cut into frames" {
	cv-gen shapes -n 40 --size 8x8 --objects 2 --fields image,label,boxes,caption -o s.cvt
	cv-read s.cvt --take 7 | cv-view --stat | grep -v '^epochs' >want
	cv-view --stat -n 7 s.cvt | grep -v '^epochs' >got
	cmp want got
	cat s.cvt s.cvt >two.cvt
	cv-view --stat -n 47 two.cvt | grep -qx 'rows 47'
	cv-view --stat -n 1000 two.cvt | cmp - <(cv-view --stat two.cvt)
	cv-gen shapes -n 4000 --size 64x64 | cv-view --stat -n 3 | grep -qx 'rows 3'
	for how in --stat --tsv --grid '--npy label'; do
		fails 2 cv-view $how -n 0 s.cvt
		[[ $message == "cv-view: --count: at least 1" ]]
	done
}

@test "--split is refused for what has none, as cv-read does" {
	cv-gen shapes -n 4 --size 8x8 -o s.cvt
	for f in s.cvt "-i s.cvt"; do
		fails 2 cv-view --stat --split test $f
		[[ $message == "cv-view: s.cvt: has no splits; leave out --split" ]]
	done
	printf 'input image 8 8 3\nflatten | embedding: linear 8 | fc: linear classes\n' >tiny.arch
	cv-train -q --epochs 0 --arch tiny.arch s.cvt -o net.st
	fails 2 cv-view --head --split test net.st
}
