#!/usr/bin/env bats
# The architecture language at the command line: texts printed and summed up, what is wrong with
# them, and networks that compute what PyTorch's compute.
load helper
load py

# total KEY: the number behind it in the summary on stdin.
total() {
	awk -v key="$1" '$1 == key && NF == 2 { print $2 }'
}

@test "--arch prints the text, whole" {
	cv-view --arch resnet20 | cmp - "$top/libcore/arch/resnet20.arch"
	cv-view --arch "$top/libcore/arch/mlp.arch" | cmp - "$top/libcore/arch/mlp.arch"
}

@test "--arch MODEL is the text that the model carries" {
	cv-gen shapes -n 8 | cv-train -q --arch conv5 --let width=4 --steps 1 -o net.st
	cv-view --arch net.st >net.arch
	grep -q '^let width = 4' net.arch
	cv-view --arch net.arch --summary | cmp - <(cv-view --arch net.st --summary)
	cv-gen shapes -n 8 >rows.cvt
	cv-embed --arch net.st --no-history rows.cvt | cmp - <(cv-embed --arch net.arch --no-history rows.cvt)
	cv-train -q --arch net.st --epochs 0 rows.cvt -o again.st
	cv-view --arch again.st | cmp - net.arch
	python3 - <<-'END'
		import json, struct
		h = json.dumps({}).encode()
		open("bare.st", "wb").write(struct.pack("<Q", len(h)) + h)
	END
	fails 2 cv-view --arch bare.st
	[[ $message == *'carries no architecture'* ]]
}

@test "a printed text is a text again, with its comments and tabs" {
	for name in $(cv-view --list | cut -f1); do
		cv-view --arch "$name" >again.arch
		cv-view --arch again.arch --summary >a
		cv-view --arch "$name" --summary >b
		cmp a b
	done
}

@test "--let classes is told where something else says how many there are" {
	printf 'input image 8 8 3\nlet classes = 5\nflatten | linear classes\n' >own.arch
	cv-gen shapes -n 8 --size 8x8 >rows.cvt
	fails 2 cv-train --arch own.arch --let classes=12 --epochs 1 -o net.st rows.cvt
	[ "$message" = 'cv-train: --let classes: say --num-classes 12' ]
	fails 2 cv-embed --arch own.arch --let classes=12 rows.cvt
	[ "$(cv-view --arch own.arch --let classes=12 --summary | total output)" = 12 ]
}

@test "a text that begins with a mark, as editors leave it, makes models that open again" {
	printf '\xef\xbb\xbfinput image 32 32 3\nconv 4 3 | gap | flatten\nlinear classes\n' >marked.arch
	cv-gen shapes -n 8 >rows.cvt
	cv-train -q --arch marked.arch --epochs 1 -o net.st rows.cvt
	cv-view --arch net.st >again.arch
	[ "$(head -2 again.arch)" = $'let classes = 10\ninput image 32 32 3' ]
	cv-embed -w net.st --output logits rows.cvt | cv-view --validate
}

@test "--summary: the published numbers of parameters" {
	[ "$(cv-view --arch resnet20 --summary | total parameters)" = 269722 ]
	[ "$(cv-view --arch inception-small --summary | total parameters)" = 260650 ]
	sed 's/32 32 3/224 224 3/; s/linear classes/linear 1000/
		s/^conv1: .*/conv1: conv 64 7 stride=2 bias=0 | bn1: bn | relu | maxpool 3 stride=2 pad=1/' \
		"$top/libcore/arch/resnet18.arch" >imagenet.arch
	cv-view --arch imagenet.arch --summary >text
	[ "$(total parameters <text)" = 11689512 ]
	[ "$(total multiply-adds <text)" = 1814073344 ]
	[ "$(total output <text)" = 1000 ]
	[ "$(total activations <text)" = 2484712 ]
	cv-view --arch resnet18-imagenet --let classes=1000 --summary >text
	[ "$(total parameters <text)" = 11689512 ]
	fails 2 cv-view --arch resnet18-imagenet --let classes=1000
	[[ $message == *"--summary"* ]]
	fails 2 cv-view --let classes=1000 imagenet.arch
	fails 2 cv-view --arch resnet18-imagenet --let clases=1000 --summary
}

@test "--summary: parameters and multiply-adds as torchvision publishes them, to the last digit" {
	while read -r name parameters adds; do
		cv-view --arch "$name" --let classes=1000 --summary >text
		[ "$(total parameters <text)" = "$parameters" ]
		[ "$(total output_multiply-adds <text)" = "$adds" ] || {
			echo "$name: $(total output_multiply-adds <text), not $adds"
			return 1
		}
	done <<-'END'
		alexnet 61100840 714188480
		vgg11-imagenet 132863336 7609090048
		vgg16 138357544 15470264320
		resnet18-imagenet 11689512 1814073344
		resnet34-imagenet 21797672 3663761408
		resnet50-imagenet 25557032 4089184256
		resnet152-imagenet 60192808 11513626624
		densenet121 7978856 2834161664
		mobilenet-v2 3504872 300774272
		efficientnet-b0 5288548 385814752
		convnext-tiny 28589128 4455531264
		googlenet 13004888 1498376192
	END
	# heads that only training needs are in the table and its sum
	[ "$(total multiply-adds <text)" = 1506748416 ]
}

@test "--let: stems for 32x32 of networks whose text is for 224x224" {
	while read -r name lets parameters output; do
		cv-view --arch "$name" --let "classes=10,size=32,$lets" --summary >text
		[ "$(total parameters <text)" = "$parameters" ]
		grep -qE "^$output " text || { echo "$name: no $output"; return 1; }
		cv-gen shapes -n 1 | cv-embed --arch "$name" --let "size=32,$lets" --num-classes 10 --output logits >out.cvt
	done <<-'END'
		mobilenet-v2 stem=1 2236682 features.18.0 +conv +4x4x1280
		efficientnet-b0 stem=1 4020358 features.8.0 +conv +2x2x1280
		convnext-tiny patch=2 27824362 stages.3.downsample.1 +conv +2x2x768
		vit-small patch=4 21342346 pos_embed +param +65x384
		mlp-mixer patch=4 57348106 stem.proj +conv +8x8x768
	END
}

@test "mobilenet-v2 cuts off at 6, googlenet's pools begin in the corner, as torchvision's do" {
	cv-gen shapes -n 2 >s.cvt
	cv-embed --arch mobilenet-v2 --num-classes 10 --std .001 --output features.0=stem s.cvt >m.cvt
	cv-gen shapes -n 1 --size 224 | cv-embed --arch googlenet --num-classes 10 --output conv1=whole,1=pool >g.cvt
	py '
a = read("m.cvt")[1]["stem"]
assert a.min() == 0 and a.max() == 6 and ((a > 0) & (a < 6)).any()
f = read("g.cvt")[1]
x = np.pad(f["whole"][0], ((0, 1), (0, 1), (0, 0)), constant_values=-1)
want = np.max([x[i:i + 112:2, j:j + 112:2] for i in range(3) for j in range(3)], 0)
assert (f["pool"][0] == want).all()'
}

@test "--summary: a line a layer, and they add up" {
	cv-view --arch resnet8 --summary >text
	grep -qE '^layer2\.0\.conv1 +conv +16x16x32 +4608 +1179648$' text
	[ "$(awk 'NF == 5 && NR > 1 { n += $4 } END { print n }' text)" = "$(total parameters <text)" ]
	[ "$(awk 'NF == 5 && NR > 1 { n += $5 } END { print n }' text)" = "$(total multiply-adds <text)" ]
}

@test "--summary: training takes more memory than running, more rows more" {
	cv-view --arch resnet20 --summary -n 8 >few
	cv-view --arch resnet20 --summary -n 64 >many
	[ "$(total run_bytes <few)" -lt "$(total train_bytes <few)" ]
	[ "$(total train_bytes <few)" -lt "$(total train_bytes <many)" ]
}

@test "--summary: several nets, one after the other" {
	printf 'input z 8\ninput image 4 4 1\nnet gen z\nlinear 16 | reshape 4 4 1\nnet dis image\nflatten | linear 1\n' >gan.arch
	cv-view --arch gan.arch --summary >text
	[ "$(total parameters <text | tr '\n' ' ')" = "144 17 " ]
	grep -q '^gen\.0 ' text
	grep -q '^dis\.1 ' text
}

@test "a wrong text: exit 2, and the place" {
	printf 'input image 8 8 3\nconv 4 3 | bnn\n' >bad.arch
	fails 2 cv-view --arch bad.arch --summary
	[ "$message" = "cv-view: bad.arch:2:12: there is no layer or macro 'bnn'; did you mean 'bn'?" ]
	printf 'input image 8 8 3\n=image\n' >bad.arch
	fails 2 cv-view --arch bad.arch --summary
	[ "$message" = "cv-view: bad.arch:2:1: =image: no element of that name comes before" ]
}

@test "an unknown name: exit 2, and the nearest" {
	fails 2 cv-view --arch resnet21
	[[ $message == *"did you mean 'resnet20'?" ]]
}

@test "hostile texts end soon: zero bytes, megabytes, devices" {
	printf 'input image 8\nrelu\0' >nul.arch
	fails 2 cv-view --arch nul.arch
	[[ $message == *"nul.arch:2:5: a zero byte"* ]]
	head -c 3000000 /dev/zero | tr '\0' '(' >large.arch
	fails 2 cv-view --arch large.arch
	fails 2 cv-view --arch /dev/zero
	fails 1 cv-view --arch "$BATS_TEST_TMPDIR"
}

@test "an architecture comes through a pipe, too" {
	cv-view --arch lenet5 | cv-view --arch /dev/stdin --summary >text
	[ "$(total parameters <text)" = 61706 ]
}

@test "PyTorch's networks with the same weights give the same logits" {
	local python code=0
	python=$(command -v /usr/bin/python3 || command -v python3) || skip "no python3"
	"$python" -B "$top/tests/golden/arch/same_logits.py" resnet18 densenet-small vgg11 resnet20 \
		lenet5 inception-small vit-tiny preact-resnet efficientnet-b0 mobilenet-v2 googlenet || code=$?
	[ "$code" -ne 77 ] || skip "no PyTorch"
	[ "$code" -eq 0 ]
}

@test "what cv-train wrote loads strictly into PyTorch and gives the same logits there" {
	local python code=0
	python=$(command -v /usr/bin/python3 || command -v python3) || skip "no python3"
	"$python" -B "$top/tests/golden/arch/trained_logits.py" resnet20 lenet5 vit-tiny || code=$?
	[ "$code" -ne 77 ] || skip "no PyTorch"
	[ "$code" -eq 0 ]
}
