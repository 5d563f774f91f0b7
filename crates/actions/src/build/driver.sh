# Runs the phases of a build in order. Arguments: the word that marks what is told, the shell, `all`
# (one shell for the commands of a block) or `each` (a shell for each), whether the build is
# succeeding, the file that says what to do.
# What is told stands between what commands print: \036, the word, what, a newline.
exec 2>&1
word=$1 shell=$2 mode=$3 succeeding=$4 plan=$5
here=/var/lib/trackway/build state=/codebuild/state
start=$(pwd)

say() {
    printf '\036%s %s\n' "$word" "$*"
}

# Sources: from where they can only be read to where the build owns them.
copy() {
    mkdir -p "$2" && cp -a "$1/." "$2/" || { say lost "$2"; exit 1; }
}

# One shell for these commands. What the shells before it left is restored by it, so that nothing
# is passed on but by that.
shell_for() {
    if [ -s "$state/variables" ] && [ "$mode" = all ]; then
        /usr/bin/env -i "$shell" "$here/shell.sh" "$@"
    else
        cd "$start" || exit 1
        "$shell" "$here/shell.sh" "$@"
    fi
}

# Runs the commands of a block. Sets `failed`.
block() {
    from=1
    failed=
    while [ "$from" -le "$3" ]; do
        last=$3
        [ "$mode" = each ] && last=$from
        rm -f "$state/done" "$state/at"
        shell_for "$word" "$mode" "$1" "$2" "$from" "$last" "$succeeding"
        status=$?
        at=
        [ -r "$state/at" ] && read -r at < "$state/at"
        case $at in
            '' | *[!0-9]*) at=$from ;;
        esac
        [ "$at" -lt "$from" ] && at=$from
        if [ "$status" -ne 0 ]; then
            say failed "$1" "$2" "$at" "$status"
            failed=1
            return
        fi
        # A command that ends the shell with success does not end the phase.
        [ -e "$state/done" ] && at=$last
        from=$((at + 1))
    done
}

# A phase: its name, how many commands, how many in `finally`, and what to do when it fails: `go`
# on, `stop`, or `ask`, which stops so that it can be begun again from where it began.
phase() {
    say phase "$1"
    if [ "$4" = ask ]; then
        rm -rf /codebuild/saved && cp -a "$state" /codebuild/saved
    fi
    block "$1" commands "$2"
    bad=$failed
    [ -n "$bad" ] && succeeding=0
    block "$1" finally "$3"
    bad=$bad$failed
    if [ -z "$bad" ]; then
        say end "$1" succeeded
        return
    fi
    succeeding=0
    say end "$1" failed
    [ "$4" = go ] || exit 0
}

# Back to where a phase began.
again() {
    rm -rf "$state" && cp -a /codebuild/saved "$state"
}

mkdir -p "$state"
. "$plan"
say finished
