# For files whose tests read what a network learned: made once a file, copied for each test.

# trained SIDE ROWS: drawn rows of SIDE x SIDE in s.cvt, a network in tiny.arch, trained on them, net.st.
trained() {
	cat >tiny.arch <<-END
		input image $1 $1 3
		conv1: conv 4 3 stride=4 | relu | flatten | embedding: linear 8 | relu
		fc: linear classes
	END
	cv-gen shapes -n "$2" --size "$1x$1" -o s.cvt
	cv-train -q --arch tiny.arch -o net.st s.cvt
}

# said_of_rows: what that network says of them, bank.cvt and logits.cvt.
said_of_rows() {
	cv-embed -w net.st s.cvt -o bank.cvt
	cv-embed -w net.st --output logits s.cvt -o logits.cvt
}

# own_copy: all of that in the test's own folder, with an empty one, out, beside it.
own_copy() {
	cp "$BATS_FILE_TMPDIR"/* "$BATS_TEST_TMPDIR"
	cd "$BATS_TEST_TMPDIR" || exit 1
	mkdir out
}
