# One small training for each method, and one run of each other tool: what must hold for all of them
# is tried on this list. Rows are drawn, networks are tiny, each run takes a moment.
# shellcheck disable=SC2034 # read by those who load this

# ways_data: everything that the ways below read, in the current folder.
ways_data() {
	printf 'input image 8 8 3\nconv1: conv 6 3 bias=0 | bn1: bn | relu | dropout 0.1\n%s' \
		'gap | embedding: flatten | fc: linear classes' >net.arch
	printf 'input image 8 8 3\nconv1: conv 6 3 | bn1: bn | relu\n%s\n' \
		'mask: conv mask_classes 1' | sed '1a let mask_classes = 2' >mask.arch
	cat >vae.arch <<-'EOF'
		input image 8 8 3
		let code = 4
		net encoder image
		flatten | fc: linear 16 | gelu | moments: linear code*2
		net decoder code
		fc: linear 16 | gelu | out: linear 192 | reshape 8 8 3
	EOF
	cat >gan.arch <<-'EOF'
		input image 8 8 3
		input noise 4
		net generator noise label
		[ id , @label | class: embed classes 4 | flatten ]
		fc: linear 16 | bn1: bn | relu | out: linear 192 | reshape 8 8 3 | sigmoid
		net discriminator image label
		flatten | fc: linear 16 | leaky 0.2
		[ id , @label | class: embed classes 4 | flatten ] | out: linear 1
	EOF
	: "${WAYS_EPOCHS:=3}"
	cv-gen shapes -n 120 --size 8x8 -o one.cvt
	cv-gen shapes -n 40 -o large.cvt
	cv-gen shapes -n 50 --size 8x8 --start 500 --domain flat -o other.cvt
	cv-read one.cvt --epochs "$WAYS_EPOCHS" --shuffle --val-fraction 0.2 -o rows.cvt
	cv-read one.cvt --epochs "$WAYS_EPOCHS" --shuffle |
		cv-augment view=2 random-resized-crop=8,0.4,1 hflip -o views.cvt
	cv-read one.cvt --episodes 4x1+2 --count 8 --epochs "$WAYS_EPOCHS" -o episodes.cvt
	cv-gen shapes -n 80 --size 8x8 --fields image,mask | cv-read --epochs "$WAYS_EPOCHS" --shuffle \
		--val-fraction 0.2 -o masks.cvt
	cv-train -q --arch net.arch -o teacher.st rows.cvt
	cv-train -q --method vae --arch vae.arch -o vae.st rows.cvt
	cv-embed -w teacher.st one.cvt -o bank.cvt
	cv-embed -w teacher.st --output logits one.cvt -o logits.cvt
}

# NAME INPUT COMMAND...: a way for each method, NAME the method's; where a loop differs, several
# (METHOD/WHAT).
method_ways=(
	'classify rows.cvt cv-train --arch net.arch -b 16 --opt adam --clip-norm 1'
	'classify/ema rows.cvt cv-train --arch net.arch -b 16 --model-ema 0.9 --label-smoothing 0.1'
	'classify/bf16 rows.cvt cv-train --arch net.arch -b 16 --precision bf16'
	'classify/balanced rows.cvt cv-train --arch net.arch -b 16 --class-weight balanced'
	'classify/swa rows.cvt cv-train --arch net.arch -b 16 --swa 0.5 --patience 9 --accumulate 2'
	'classify/lookahead rows.cvt cv-train --arch net.arch -b 16 --lookahead 5 --mixup 0.3 --cutmix 1'
	'classify/muon rows.cvt cv-train --arch net.arch -b 16 --opt muon'
	'dann rows.cvt cv-train --method dann --arch net.arch -b 16 --target other.cvt --target-entropy 0.1'
	'distill rows.cvt cv-distill --arch net.arch -b 16 --teacher teacher.st --model-ema 0.9'
	'gan rows.cvt cv-train --method gan --arch gan.arch -b 16 --keep-all --model-ema 0.9'
	'kmeans large.cvt cv-train --method kmeans --arch kmeans-patches --let k=8 --patches 500 --iterations 4'
	'protonet episodes.cvt cv-train --method protonet --arch net.arch --num-classes 10 -b 24'
	'segment masks.cvt cv-train --method segment --arch mask.arch -b 16 --dice 0.5'
	'simclr views.cvt cv-train --method simclr --arch net.arch -b 16 --keep-all --model-ema 0.9'
	'vae rows.cvt cv-train --method vae --arch vae.arch -b 16 --binarize --kl-warmup 0.3'
)

# The same for what does not learn; INPUT - where there is none.
tool_ways=(
	'cv-gen - cv-gen shapes -n 60 --size 16x16 --fields image,mask,boxes --objects 2'
	'cv-gen/vae - cv-gen -w vae.st -n 60'
	'cv-gen/bound rows.cvt cv-gen -w vae.st --samples 3 --bound -'
	'cv-read one.cvt cv-read --epochs 3 --shuffle --val-fraction 0.2'
	'cv-read/buffer one.cvt cv-read --shuffle-buffer 30'
	'cv-read/balance one.cvt cv-read --balance --epochs 2'
	'cv-read/size one.cvt cv-read --size 6x6 --channels 1'
	'cv-augment one.cvt cv-augment random-resized-crop=8,0.3,1 hflip color-jitter=.4,.4,.4,.1 rotate=20'
	'cv-augment/views one.cvt cv-augment view=2 random-resized-crop=8,0.4,1 hflip'
	'cv-embed one.cvt cv-embed -w teacher.st --output logits'
	'cv-knn bank.cvt cv-knn --bank bank.cvt -k 5'
	'cv-knn/search bank.cvt cv-knn --bank bank.cvt -k 5 --metric l2 --output neighbours'
	'cv-eval logits.cvt cv-eval --per-class --confusion'
	'cv-view one.cvt cv-view -n 20'
	'cv-view/stat one.cvt cv-view --stat'
)
