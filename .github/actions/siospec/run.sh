#!/usr/bin/env bash
# Runs siospec with the action's inputs, shows the Markdown report in the build's summary, and tells how it ended. Does
# not fail itself, so that the reports are kept in every case.
set -uo pipefail

arguments=()
for target in $SIOSPEC_TARGET; do arguments+=(--target "$target"); done
[ -z "$SIOSPEC_URL" ] || arguments+=(--url "$SIOSPEC_URL")
while IFS= read -r argument; do
    # A line's own blanks are kept, those around it are the workflow's indentation.
    argument="${argument#"${argument%%[![:space:]]*}"}"
    argument="${argument%"${argument##*[![:space:]]}"}"
    [ -z "$argument" ] || arguments+=("$argument")
done <<<"$SIOSPEC_ARGS"

folder=${SIOSPEC_REPORTS:-siospec-reports}
siospec run ${arguments[@]+"${arguments[@]}"} \
    --report "json=$folder/run.json" --report "junit=$folder/junit.xml" \
    --report "html=$folder/index.html" --report "md=$folder/summary.md"
code=$?

[ ! -f "$folder/summary.md" ] || cat "$folder/summary.md" >>"$GITHUB_STEP_SUMMARY"
echo "exit-code=$code" >>"$GITHUB_OUTPUT"
[ "$code" -eq 0 ] || echo "::error title=siospec::ended with exit code $code; see the summary, and index.html in the reports"
