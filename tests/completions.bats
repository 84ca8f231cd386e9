#!/usr/bin/env bats
# Completion in the shells that are there: options from --help=tsv, names from --list.
load helper

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

# zsh_completes LINE: what the line becomes when Tab is pressed at its end.
zsh_completes() {
	cat >rc.zsh <<-E
		PS1='> ' fpath=($top/completions \$fpath)
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

@test "zsh: options, names" {
	command -v zsh >/dev/null || skip "no zsh here"
	[ "$(zsh_completes 'cv-knn --neighb')" = 'cv-knn --neighbours=' ]
	[ "$(zsh_completes 'cv-knn --metric cos')" = 'cv-knn --metric cosine ' ]
	[ "$(zsh_completes 'cv-eval --format=id')" = 'cv-eval --format=idx ' ]
	touch features.cvt
	[ "$(zsh_completes 'cv-eval feat')" = 'cv-eval features.cvt ' ]
}

@test "fish: options, names, files" {
	command -v fish >/dev/null || skip "no fish here"
	touch features.cvt
	ask() { fish --no-config -c "source $top/completions/cvtools.fish; complete -C '$1'" | cut -f 1; }
	[ "$(ask 'cv-knn --neighb')" = --neighbours ]
	[ "$(ask 'cv-knn --metric cos')" = cosine ]
	[ "$(ask 'cv-eval --format id')" = idx ]
	[ "$(ask 'cv-eval feat')" = features.cvt ]
}
