# A Makefile to copy: data, model and figures as files that are made when they are missing or old.
#
#   make -f train.mk -j2                     the drawn world, a minute
#   make -f train.mk DATA=cifar-10/ ARCHS='resnet8 resnet20' EPOCHS=30 SEEDS='0 1 2'
#
# A recipe needs no `set -o pipefail`: when anything upstream fails, the last command fails, and no
# tool leaves half a file. An interrupted training goes on where it was when make is run again.
DATA   =
ARCHS  = resnet8
SEEDS  = 0 1
EPOCHS = 4
ROWS   = 4000
OUT    = made

export LC_ALL = C

runs  := $(foreach a,$(ARCHS),$(SEEDS:%=$(OUT)/$a-%))
train  = $(if $(DATA),cv-read $(DATA) --split train,cv-gen shapes --split train -n $(ROWS))
test   = $(if $(DATA),cv-read $(DATA) --split test,cv-gen shapes --split test -n 1000)

$(OUT)/table.tsv: $(runs:=.txt)
	@for f in $^; do a=$$(sed -n 's/^accuracy //p' $$f) && printf '%s\t%s\n' "$$(basename $$f .txt)" "$${a:?}" || \
		exit 1; done >$@
	@cat $@

$(OUT):
	mkdir -p $@

$(OUT)/train.cvt: | $(OUT)
	$(train) | cv-read --val-fraction 0.1 -o $@

$(OUT)/test.cvt: | $(OUT)
	$(test) | cv-read -o $@

# $* is ARCH-SEED.
$(OUT)/%.safetensors: $(OUT)/train.cvt
	cv-read $< --epochs $(EPOCHS) --shuffle --seed $(lastword $(subst -, ,$*)) | \
		cv-augment pad-crop=4 hflip | \
		cv-train --arch $(patsubst %-$(lastword $(subst -, ,$*)),%,$*) --resume auto -o $@

$(OUT)/%.txt: $(OUT)/%.safetensors $(OUT)/test.cvt
	cv-embed -w $< --output logits $(OUT)/test.cvt | cv-eval -o $@

.DELETE_ON_ERROR:
.SECONDARY:
