# fish completion for all cv-* commands. Thin: options come from CMD --help=tsv, names from
# CMD --list, so there is nothing to keep up to date here. Installed once for each command, as fish
# looks for the file of that name; the first that is loaded serves all.

functions -q __cvtools_words; and exit

function __cvtools_options
    set -l cmd (commandline -poc)[1]
    $cmd --help=tsv 2>/dev/null | awk -F '\t' '{ print $1 "\t" $3 }'
    printf '%s\n' --help\t'this screen' --version\t'its version'
end

# What follows the option before the cursor: names that --list knows (formats are what cv-read
# knows, whoever asks), else files.
function __cvtools_words
    set -l typed (commandline -poc)
    set -l cmd $typed[1]
    set -l option $typed[-1]
    set -l argument ($cmd --help=tsv 2>/dev/null | awk -F '\t' -v o=$option '$1 == o { print $2 }')
    switch "$argument"
        case '*FILE*' '*FOLDER*' '*DIR*'
            __fish_complete_path (commandline -ct)
        case '*NAME*' '*OPT*' '*METHOD*'
            test "$option" = --format; and set cmd cv-read
            $cmd --list 2>/dev/null
        case ''
            test "$cmd" = cv-augment; and $cmd --list 2>/dev/null
            __fish_complete_path (commandline -ct)
    end
end

for cmd in cv-read cv-augment cv-train cv-embed cv-distill cv-knn cv-gen cv-eval cv-view
    complete -c $cmd -f
    complete -c $cmd -n 'string match -q -- "-*" (commandline -ct)' -a '(__cvtools_options)'
    complete -c $cmd -n 'not string match -q -- "-*" (commandline -ct)' -a '(__cvtools_words)'
end
