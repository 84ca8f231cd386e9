#!/bin/sh
# embed.sh FILE.arch...: the zoo as C source on stdout, sorted by name (libcore/arch.h says how it is read).
set -eu
LC_ALL=C
export LC_ALL

echo '/* Made by libcore/arch/embed.sh: do not edit. */'
echo '#include "arch.h"'
echo
echo 'const struct arch_zoo arch_zoo[] = {'
for file in "$@"; do
	name=${file##*/}
	printf '%s\t%s\n' "${name%.arch}" "$file"
done | sort | while IFS='	' read -r name file; do
	printf '\t{"%s",\n' "$name"
	sed -e 's/[\\"]/\\&/g' -e 's/	/\\t/g' -e 's/^/\t\t"/' -e 's/$/\\n"/' "$file"
	printf '\t},\n'
done
printf '\t{NULL, NULL},\n};\n'
