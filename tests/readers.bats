#!/usr/bin/env bats
# What readers meet now and then: rare types and layouts come out as numpy says, and of what is
# damaged, contradicts itself or cannot be looked at, nothing is left out in silence.
load helper
load py

tsv() { cv-view --tsv "$@"; }

@test "IDX in a folder: labels that cannot be unpacked are not left out" {
	mkdir d
	printf '\0\0\10\3\0\0\0\2\0\0\0\1\0\0\0\1ab' >d/train-images-idx3-ubyte
	printf '\0\0\10\1\0\0\0\2\1\0' | gzip >d/train-labels-idx1-ubyte.gz
	cv-read d | cv-view --head | grep -qx 'field label <i4'
	printf '\037\213\010no gzip' >d/train-labels-idx1-ubyte.gz
	fails 3 cv-read d
	[[ $message == *"d/train-labels-idx1-ubyte.gz: the gzip data is damaged"* ]]
}
