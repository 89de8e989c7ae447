#!/usr/bin/env bash
# The whole story of a release, told with the command line against a fresh server; every step is checked.
#
# usage: GREENROOM_URL=… GREENROOM_API_KEY=… examples/walkthrough.sh [DATA | BEFORE AFTER]
#   DATA            folder with polyai-healthcare/2026-07-01 and …/2026-08-22 (default: GREENROOM_TEST_DATA)
#   BEFORE AFTER    one PolyAI agent exported at two dates
#   WALKTHROUGH_OUT folder that keeps what the steps produced (default: a temporary one)
set -euo pipefail

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
: "${GREENROOM_URL:?say where the server is}" "${GREENROOM_API_KEY:?say as whom}"
case $# in
    2) before=$1 after=$2 ;;
    *)
        data=${1:-${GREENROOM_TEST_DATA:?name the data folder}}
        before=$data/polyai-healthcare/2026-07-01 after=$data/polyai-healthcare/2026-08-22
        ;;
esac

if [ -x "$here/.venv/bin/greenroom" ]; then PATH=$here/.venv/bin:$PATH; fi
if [ -n "${WALKTHROUGH_OUT:-}" ]; then
    out=$WALKTHROUGH_OUT
    mkdir -p "$out"
else
    out=$(mktemp -d)
    trap 'rm -rf "$out"' EXIT
fi
export GREENROOM_CONFIG=$out/login.json
export GREENROOM_PROJECT=walkthrough
copy=walkthrough-copy
question="What are your hours?"

steps=0
held() { # what
    steps=$((steps + 1))
    printf '%2d  %s\n' "$steps" "$1"
}
fail() {
    printf 'walkthrough: step %d did NOT hold: %s\n' $((steps + 1)) "$1" >&2
    exit 1
}
run() { # file, command …: runs it with --json into the file
    local file=$out/$1
    shift
    greenroom "$@" --json >"$file" 2>"$file.err" || fail "greenroom $* ended with $?: $(cat "$file.err")"
}
refused() { # file, exit code, error code, command …
    local file=$out/$1 wanted=$2 code=$3 status=0
    shift 3
    greenroom "$@" --json >"$file.out" 2>"$file" || status=$?
    [ "$status" -eq "$wanted" ] || fail "greenroom $* ended with $status, not $wanted: $(cat "$file")"
    [ ! -s "$file.out" ] || fail "greenroom $* was refused and still answered"
    is "$1 was refused with the code" "$(get "$(basename "$file")" 'd["code"]')" "$code"
}
get() { # file, Python expression over d (a file of several lines is a list)
    python3 -c '
import json, sys
text = open(sys.argv[1], encoding="utf-8").read()
try:
    d = json.loads(text)
except ValueError:
    d = [json.loads(line) for line in text.splitlines()]
found = eval(sys.argv[2])
print(found if isinstance(found, str) else json.dumps(found))
' "$out/$1" "$2"
}
is() { # what, found, wanted
    [ "$2" = "$3" ] || fail "$1: found '$2', wanted '$3'"
}
so() { # what, file, Python expression that must be true
    is "$1" "$(get "$2" "bool($3)")" true
}

run project.json projects create Walkthrough --slug "$GREENROOM_PROJECT" --template pipeline
run environments.json env list
is "environments" "$(get environments.json '[e["alias"] for e in d["items"]]')" '["sandbox", "pre-release", "live"]'
held "made a pipeline project: Sandbox, Pre-release, Live"

run import-1.json import "$before" --format polyai --mode replace
so "entities were added" import-1.json 'd["added"] > 5'
is "draft" "$(get import-1.json 'd["environment"]')" sandbox
held "imported $(basename "$before") into my draft of Sandbox ($(get import-1.json 'd["added"]') entities)"

run publish-1.json publish -m "The agent as it was exported on $(basename "$before")"
is "version" "$(get publish-1.json 'd["version"]["number"]')" 1
is "environment" "$(get publish-1.json 'd["release"]["environment"]')" sandbox
digest_1=$(get publish-1.json 'd["version"]["digest"]')
is "digest of what was imported" "$(get import-1.json 'd["digest"]')" "$digest_1"
held "published v1, which Sandbox serves"

refused skip.json 8 skips_a_step promote v1 --to live
held "v1 cannot skip Pre-release: refused"

run promote-1-pre.json promote v1 --to pre-release
is "version in Pre-release" "$(get promote-1-pre.json 'd["version"]')" 1
held "promoted v1 to Pre-release"

refused unconfirmed.json 7 confirmation_required promote v1 --to live
so "the command to repeat is given" unconfirmed.json '"--confirm v1" in d["repeat"]'
run live.json env show live
so "Live still serves nothing" live.json 'd["serves"] is None'
held "nothing reaches Live unconfirmed: refused, with the command to repeat"

run promote-1-live.json promote v1 --to live --confirm v1
is "version on Live" "$(get promote-1-live.json 'd["version"]')" 1
is "operation" "$(get promote-1-live.json 'd["operation"]')" promote
held "confirmed: v1 is on Live"

run old.json chat --env live --say "$question"
is "the conversation began with" "$(get old.json 'd[0]["version"]')" 1
is "the turn was answered by" "$(get old.json 'd[1]["version"]')" 1
so "the agent said something" old.json 'd[1]["reply"].strip()'
old=$(get old.json 'd[0]["id"]')
held "a caller talks to v1 on Live"

run import-2.json import "$after" --format polyai --mode replace
so "the import changed the draft" import-2.json 'd["edited"] > 0'
run live.json env show live
is "Live after an import" "$(get live.json 'd["serves"]["version"]')" 1
held "imported $(basename "$after") into the draft ($(get import-2.json 'd["edited"]') edited); Live is untouched"

run compare.json compare live draft:sandbox
so "the comparison has changes" compare.json 'd["changes"]'
so "the comparison is said in words" compare.json 'd["summary"].strip()'
is "base" "$(get compare.json 'd["base"]["digest"]')" "$digest_1"
held "compared Live with the draft: $(get compare.json 'd["summary"]' | cut -c 1-100)"

refused vague.json 8 vague_note publish -m updates
so "a better note is suggested" vague.json 'len(d["suggestion"]) >= 10'
held "the note 'updates' is refused; suggested: $(get vague.json 'd["suggestion"]' | cut -c 1-80)"

run publish-2.json publish -m "Shorter booking flow and new answers of $(basename "$after")"
is "version" "$(get publish-2.json 'd["version"]["number"]')" 2
is "digest" "$(get publish-2.json 'd["version"]["digest"]')" "$(get compare.json 'd["head"]["digest"]')"
held "published v2 with a note that says something"

run promote-2-pre.json promote v2 --to pre-release
run promote-2-live.json promote v2 --to live --confirm v2
is "version on Live" "$(get promote-2-live.json 'd["version"]')" 2
is "version before" "$(get promote-2-live.json 'd["from_version"]')" 1
held "promoted v2 through Pre-release to Live"

run old-2.json chat --conversation "$old" --say "$question"
is "the old conversation is answered by" "$(get old-2.json '(d[0] if isinstance(d, list) else d)["version"]')" 1
run new.json chat --env live --say "$question"
is "a new conversation began with" "$(get new.json 'd[0]["version"]')" 2
is "and is answered by" "$(get new.json 'd[1]["version"]')" 2
new=$(get new.json 'd[0]["id"]')
held "the old conversation still hears v1, a new one hears v2"

run rollback.json rollback live --reason "wrong opening hours in v2" --in-flight switch
is "version on Live" "$(get rollback.json 'd["version"]')" 1
is "operation" "$(get rollback.json 'd["operation"]')" rollback
is "takes back" "$(get rollback.json 'd["takes_back"]')" '[2]'
held "rolled Live back to v1"

run old-3.json chat --conversation "$old" --say "$question"
is "the old conversation is answered by" "$(get old-3.json '(d[0] if isinstance(d, list) else d)["version"]')" 1
run new-2.json chat --conversation "$new" --say "$question"
is "the new one is answered by" "$(get new-2.json '(d[0] if isinstance(d, list) else d)["version"]')" 1
held "the old conversation goes on with v1, and the new one moved to v1"

run version-2.json versions show v2
is "v2 is" "$(get version-2.json 'd["digest"]')" "$(get publish-2.json 'd["version"]["digest"]')"
run releases.json releases live
is "releases of Live" "$(get releases.json '[(r["operation"], r["version"]) for r in d["items"]]')" \
    '[["rollback", 1], ["promote", 2], ["promote", 1]]'
held "v2 still exists, unchanged; Live has had three releases"

run history.json history --limit 200
is "publishes in the history" "$(get history.json 'sum(e["action"] == "version.published" for e in d["items"])')" 2
is "promotions in the history" "$(get history.json 'sum(e["action"] == "release.promoted" for e in d["items"])')" 4
is "rollbacks in the history" "$(get history.json 'sum(e["action"] == "release.rolled_back" for e in d["items"])')" 1
so "the history says why" history.json 'any("wrong opening hours in v2" in json.dumps(e) for e in d["items"])'
run audit.json audit verify
so "the audit chain is sound" audit.json 'd["sound"]'
held "everything is in the history, and the audit chain is sound"

greenroom export --ref live -o "$out/live" 2>"$out/export.err" || fail "$(cat "$out/export.err")"
run project-copy.json projects create "Walkthrough copy" --slug "$copy"
run import-copy.json import "$out/live" --project "$copy"
is "digest of the copy's draft" "$(get import-copy.json 'd["digest"]')" "$digest_1"
run publish-copy.json publish --project "$copy" -m "Exported from Live of the first project"
is "digest of the copy's v1" "$(get publish-copy.json 'd["version"]["digest"]')" "$digest_1"
held "exported Live and imported it into a second project: the same digest"

run asked.json chat --project "$copy" --ref v1 --say "$question"
topic=$(get asked.json 'd[1]["trace"]["topic"] or ""')
[ -n "$topic" ] || fail "no topic answers '$question'"
checks() { # topic: writes a test set that expects it
    printf '{"name": "Checks", "cases": [{"id": "hours", "turns": [{"say": "%s", "expect": {"topic": "%s"}}]}]}' \
        "$question" "$1" >"$out/checks.json"
}
tested() { # file, exit code, what to test …
    local file=$out/$1 wanted=$2 status=0
    shift 2
    greenroom test run --project "$copy" --set checks "$@" --json >"$file" 2>"$file.err" || status=$?
    [ "$status" -eq "$wanted" ] || fail "test run $* ended with $status, not $wanted: $(cat "$file" "$file.err")"
}
checks "$topic"
run set-checks.json draft set test_set/checks "$out/checks.json" --project "$copy"
tested tests-draft.json 0 --ref draft:sandbox --repeat 3
is "cases that passed" "$(get tests-draft.json '[(c["case"], c["passed"]) for c in d["cases"]]')" '[["hours", 3]]'
is "flaky rate" "$(get tests-draft.json 'd["summary"]["flaky_rate"]')" 0.0
tested tests-none.json 12 --ref draft:sandbox --tag never
so "a run without a case is an error" tests-none.json 'd["outcome"] == "error" and d["summary"]["reason"]'
held "a test set in the draft passes on it: 3 of 3; a run that tests nothing is an error"

run publish-checks.json publish --project "$copy" -m "The first checks of the opening hours"
tested tests-version.json 0 --ref v2 --junit "$out/junit.xml"
is "tested version" "$(get tests-version.json 'd["version"]')" 2
is "tested digest" "$(get tests-version.json 'd["digest"]')" "$(get publish-checks.json 'd["version"]["digest"]')"
is "digest of the tested draft" "$(get tests-draft.json 'd["digest"]')" "$(get tests-version.json 'd["digest"]')"
grep -q '<testsuites .*failures="0"' "$out/junit.xml" || fail "the JUnit file does not say that nothing failed"
checks another-topic
run set-wrong.json draft set test_set/checks "$out/checks.json" --project "$copy"
tested tests-wrong.json 1 --ref v1 --sets-from draft:sandbox
is "what failed" "$(get tests-wrong.json '[(r["wanted"], r["got"]) for r in d["cases"][0]["attempts"][0]["results"]]')" \
    "[[\"another-topic\", [\"$topic\"]]]"
held "v2 passes the same checks under the same digest; a wrong expectation fails with what was said instead"

echo "walkthrough: all $steps steps held"
