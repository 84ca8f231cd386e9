# bash completion for all cv-* commands. Thin: options come from CMD --help=tsv, names from
# CMD --list, so there is nothing to keep up to date here.

# The argument that option $2 of command $1 takes; nothing for a flag.
_cvtools_argument() {
	"$1" --help=tsv 2>/dev/null | awk -F '\t' -v option="$2" '$1 == option { print $2; exit }'
}

# What `--list` knows; formats are what cv-read knows, whoever asks.
_cvtools_names() {
	local cmd=$1
	[ "$2" = --format ] && cmd=cv-read
	"$cmd" --list 2>/dev/null | cut -f 1
}

# Candidates that are names: the last word of a comma list, or all of it.
_cvtools_from() {
	local list='' last=$2
	case $2 in *,*) list=${2%,*}, last=${2##*,} ;; esac
	mapfile -t COMPREPLY < <(compgen -P "$list" -W "$1" -- "$last")
}

_cvtools() {
	local cmd=${COMP_WORDS[0]} cur=${COMP_WORDS[COMP_CWORD]} option=${COMP_WORDS[COMP_CWORD - 1]}
	COMPREPLY=()
	# --option=word comes as three words
	if [ "$cur" = = ]; then
		cur=
	elif [ "$option" = = ]; then
		option=${COMP_WORDS[COMP_CWORD - 2]}
	elif [[ $cur == -* ]]; then
		_cvtools_from "$("$cmd" --help=tsv 2>/dev/null | cut -f 1) --help --version" "$cur"
		return
	fi
	local argument=
	[[ $option != -* ]] || argument=$(_cvtools_argument "$cmd" "$option")
	case $argument in
	*FILE* | *FOLDER* | *DIR*) ;;
	*NAME* | *OPT* | *METHOD*) _cvtools_from "$(_cvtools_names "$cmd" "$option")" "$cur" ;;
	'') [ "$cmd" != cv-augment ] || _cvtools_from "$(_cvtools_names "$cmd" '')" "$cur" ;;
	esac
} # nothing found: the shell offers files

complete -o bashdefault -o default -F _cvtools cv-read cv-augment cv-train cv-embed cv-distill \
	cv-knn cv-gen cv-eval cv-view
