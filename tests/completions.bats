#!/usr/bin/env bats
# Completion in the shells that are there: options from --help=tsv, names from --list.
load helper

# What make install put where: shells load it by the name of the command that is typed.
setup_file() {
	cd "$top" && ${MAKE:-make} -s BUILD="${bin%/bin}" DESTDIR="$BATS_FILE_TMPDIR" PREFIX= install >"$BATS_FILE_TMPDIR/log" 2>&1 ||
		{ cat "$BATS_FILE_TMPDIR/log"; return 1; }
}

# bash_completes LINE: the candidates for the end of LINE, one a line.
bash_completes() {
	bash --norc -c '
		. "$1"
		read -ra COMP_WORDS <<<"$2"
		[[ $2 != *" " ]] || COMP_WORDS+=("")
		words=()
		for w in "${COMP_WORDS[@]}"; do # as readline cuts: = is a word
			case $w in
			--*=*) words+=("${w%%=*}" = "${w#*=}") ;;
			*) words+=("$w") ;;
			esac
		done
		[ -n "${words[-1]}" ] || [ "${words[-2]}" != = ] || unset "words[-1]"
		COMP_WORDS=("${words[@]}") COMP_CWORD=$((${#words[@]} - 1))
		_cvtools
		printf "%s\n" "${COMPREPLY[@]}"' bash "$top/completions/cvtools.bash" "$1"
}

@test "bash: options of every command" {
	for c in "$top"/cmd/cv-*.c; do
		c=$(basename "$c" .c)
		bash_completes "$c --" >got.txt
		"$c" --help=tsv | cut -f 1 | grep '^--' >want.txt
		grep -Fxf want.txt got.txt | sort | cmp - <(sort want.txt)
		bash_completes "$c --see" | grep -qx -- --seed
	done
}

@test "bash: every command is bound" {
	bash --norc -c '. "$1"; complete -p' bash "$top/completions/cvtools.bash" >bound.txt
	for c in "$top"/cmd/cv-*.c; do grep -q "_cvtools $(basename "$c" .c)\$" bound.txt; done
}

@test "bash: names that --list knows, files elsewhere" {
	[ "$(bash_completes 'cv-knn --metric ')" = "$(cv-knn --list | cut -f 1)" ]
	[ "$(bash_completes 'cv-knn --metric=l')" = l2 ]
	[ "$(bash_completes 'cv-knn --metric=')" = "$(cv-knn --list | cut -f 1)" ]
	[ "$(bash_completes 'cv-eval --report accuracy,per')" = accuracy,per-class ]
	[ "$(bash_completes 'cv-eval --format id')" = idx ]
	[ -z "$(bash_completes 'cv-knn --bank ')" ]
	[ -z "$(bash_completes 'cv-eval ')" ]
}

@test "bash: operations of cv-augment" {
	command -v cv-augment >/dev/null || skip "no cv-augment yet"
	bash_completes 'cv-augment hfl' | grep -qx hflip
}

# tab_completes LINE: what the line becomes when Tab is pressed at its end, in bash on a terminal. The
# package bash-completion, if there is one, finds the file that was installed.
tab_completes() {
	cat >rc.bash <<-E
		. /usr/share/bash-completion/bash_completion 2>/dev/null || . "$BATS_FILE_TMPDIR/share/bash-completion/completions/${1%% *}"
		tell() { printf '%s\n' "\$READLINE_LINE" >line.out; exit; }
		bind -x '"\C-x": tell'
		>ready.out
	E
	rm -f line.out ready.out
	{
		for ((i = 0; i < 100; i++)); do [ ! -e ready.out ] && sleep 0.1 || break; done
		printf '%s\t\x18' "$1"
		for ((i = 0; i < 100; i++)); do [ ! -s line.out ] && sleep 0.1 || break; done
	} | XDG_DATA_DIRS=$BATS_FILE_TMPDIR/share script -qc 'bash --rcfile rc.bash -i' /dev/null >typed
	cat line.out
}

@test "bash: Tab on a terminal, from what was installed" {
	command -v script >/dev/null || skip "no script(1) here"
	[ "$(tab_completes 'cv-knn --neighb')" = 'cv-knn --neighbours ' ]
	[ "$(tab_completes 'cv-knn --metric cos')" = 'cv-knn --metric cosine ' ]
	[ "$(tab_completes 'cv-eval --format=id')" = 'cv-eval --format=idx ' ]
	touch features.cvt
	[ "$(tab_completes 'cv-eval feat')" = 'cv-eval features.cvt ' ]
}

# zsh_completes LINE: what the line becomes when Tab is pressed at its end.
zsh_completes() {
	cat >rc.zsh <<-E
		PS1='> ' fpath=($BATS_FILE_TMPDIR/share/zsh/site-functions \$fpath)
		autoload -U compinit && compinit -u -D
		tell() { print -r -- "\$BUFFER" >line.out; BUFFER= }
		zle -N tell; bindkey '^X' tell; bindkey '^I' complete-word
		print ready >ready.out
	E
	rm -f line.out ready.out
	zsh -f -c '
		zmodload zsh/zpty
		zpty z zsh -f -i
		zpty -w z ". ./rc.zsh"
		for i in {1..100}; do [[ -e ready.out ]] && break; sleep .1; done
		zpty -n -w z "$1"$'"'\\t\\x18'"'
		for i in {1..100}; do [[ -s line.out ]] && break; sleep .1; done
		zpty -d z' zsh "$1"
	cat line.out
}

@test "zsh: options, names, from what was installed" {
	command -v zsh >/dev/null || skip "no zsh here"
	[ "$(zsh_completes 'cv-knn --neighb')" = 'cv-knn --neighbours=' ]
	[ "$(zsh_completes 'cv-knn --metric cos')" = 'cv-knn --metric cosine ' ]
	[ "$(zsh_completes 'cv-eval --format=id')" = 'cv-eval --format=idx ' ]
	touch features.cvt
	[ "$(zsh_completes 'cv-eval feat')" = 'cv-eval features.cvt ' ]
}

@test "fish: options, names, files, from what was installed" {
	command -v fish >/dev/null || skip "no fish here"
	touch features.cvt
	ask() { env HOME=$PWD XDG_CONFIG_HOME=$PWD XDG_DATA_DIRS=$BATS_FILE_TMPDIR/share fish -c "complete -C '$1'" | cut -f 1; }
	[ "$(ask 'cv-knn --neighb')" = --neighbours ]
	[ "$(ask 'cv-knn --metric cos')" = cosine ]
	[ "$(ask 'cv-eval --format id')" = idx ]
	[ "$(ask 'cv-eval feat')" = features.cvt ]
	for c in "$top"/cmd/cv-*.c; do [ "$(ask "$(basename "$c" .c) --see")" = --seed ]; done
	# one after the other in one shell, none twice
	env HOME=$PWD XDG_CONFIG_HOME=$PWD XDG_DATA_DIRS=$BATS_FILE_TMPDIR/share fish -c "
		complete -C 'cv-eval --see'; complete -C 'cv-knn --see'" | cut -f 1 | cmp - <(printf '%s\n' --seed --seed)
}
