#!/bin/sh
# The most accuracy for the least arithmetic: the recipe of airbench94 (K. Jordan 2024, "94% on CIFAR-10
# in 3.29 seconds on a single GPU"): a whitened first layer, filters that start as the identity, large
# steps up and down a triangle, smoothed labels, looking ahead, every other epoch mirrored, and the
# mean over a picture and its mirror image at the end.
#
#   airbench.sh                            on the drawn world of `cv-gen shapes`
#   DATA=cifar-10-binary.tar.xz airbench.sh            five epochs, 12 minutes of one core
#   DATA=cifar-10-binary.tar.xz WIDTHS=a=64 EPOCHS=8 airbench.sh         the wide network
#   DATA=mnist/ WIDTHS=w=8,a=32,b=64,c=64 TTA= AUGMENT='pad-crop=2 rotate=10,bilinear' airbench.sh
set -eu
: "${EPOCHS:=5}" "${WIDTHS:=b=128,c=128}" "${NORM=}" "${AUGMENT=pad-crop=2,reflect alternating-flip}"
: "${TTA=flip}" "${VAL:=0.02}"
export EPOCHS VAL AUGMENT TTA ARCH=airbench LR=0.75
export TRAIN="--let $WIDTHS -b 512 --whiten 0 --momentum 0.922 --weight-decay 1.33e-3 --decay-all \
--bias-lr-scale 64 --label-smoothing 0.2 --sched one-cycle=0.23,0.2,0.07 --lookahead 5,0.2262,3 $NORM"
exec sh "$(dirname "$0")/supervised.sh"
