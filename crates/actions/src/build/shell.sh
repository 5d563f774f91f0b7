# Runs commands in this shell, from one to another, until one fails. At the end it keeps what the
# next shell needs: variables, functions and options, the folder, and the environment.
if [ "$2" = all ] && [ -s /codebuild/state/variables ]; then
    . /codebuild/state/variables 2>/dev/null
    cd "$(cat /codebuild/state/folder)" || exit 1
fi
trackway_word=$1 trackway_phase=$3 trackway_block=$4 trackway_at=$5 trackway_last=$6
trackway_state=/codebuild/state
CODEBUILD_BUILD_SUCCEEDING=$7
export CODEBUILD_BUILD_SUCCEEDING
trackway_keep() {
    trackway_code=$?
    { set +o > "$trackway_state/options"; set +eux; } 2>/dev/null
    if [ -n "${BASH_VERSION-}" ]; then
        { shopt -p; declare -p; declare -f; } > "$trackway_state/new" 2>/dev/null
    else
        { set; export -p; } > "$trackway_state/new" 2>/dev/null
    fi
    pwd > "$trackway_state/folder"
    /bin/cat /proc/self/environ > "$trackway_state/environ"
    mv -f "$trackway_state/new" "$trackway_state/variables"
    exit "$trackway_code"
}
trap trackway_keep EXIT
if [ "$2" = all ] && [ -s "$trackway_state/options" ]; then
    . "$trackway_state/options" 2>/dev/null
fi
set --
while [ "$trackway_at" -le "$trackway_last" ]; do
    echo "$trackway_at" > "$trackway_state/at"
    printf '\036%s command %s %s %s\n' "$trackway_word" "$trackway_phase" "$trackway_block" "$trackway_at"
    # Not behind `||`, where `set -e` would mean nothing.
    . "/var/lib/trackway/build/$trackway_phase/$trackway_block/$trackway_at"
    trackway_code=$?
    [ "$trackway_code" -eq 0 ] || exit "$trackway_code"
    trackway_at=$((trackway_at + 1))
done
: > "$trackway_state/done"
exit 0
