#!/usr/bin/env bash
# A whole annotation session by hand: what public material says of Prodigy's REST paths, and nothing else.
#
#   session.sh URL DATASET NAME
#
# It asks for tasks as the session NAME of DATASET, accepts the first, rejects the second, ignores the third, asks again
# and sees that none of the three comes back. It prints one line for each step. Exit code 1: a step was not as expected.
# On a licensed Prodigy this writes three answers, so point it at a dataset that is there for trying things out.
set -euo pipefail
url=${1%/} dataset=$2 name=$3
session=$dataset-$name
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

request() { # METHOD PATH [BODY-FILE]: the reply in $work/reply, its status on standard output
    curl --silent --show-error --noproxy '*' --max-time 20 --output "$work/reply" --write-out '%{http_code}' \
        --request "$1" "$url$2" ${3:+--header 'Content-Type: application/json' --data-binary "@$3"}
}
fail() { echo "NOT AS EXPECTED: $*"; head -c 500 "$work/reply"; echo; exit 1; }
expect() { # TEXT JQ-EXPRESSION
    jq --exit-status "$2" "$work/reply" >/dev/null || fail "$1"
    echo "ok: $1"
}

[[ $(request GET "/?session=$name") == 200 ]] || fail "GET / is the page"
echo "ok: GET / is a page"
[[ $(request GET /version) == 200 ]] || fail "GET /version"
expect "GET /version is a JSON object" 'type == "object"'
[[ $(request GET "/project/$session") == 200 ]] || fail "GET /project/SESSION"
expect "GET /project/SESSION names the view" '.view_id | type == "string"'

jq --null-input --arg session "$session" '{session_id: $session}' >"$work/pull"
[[ $(request POST /get_session_questions "$work/pull") == 200 ]] || fail "POST /get_session_questions"
expect "POST /get_session_questions gives at least 3 tasks" '.tasks | length >= 3'
expect "it says how many are answered and names the session" \
    "has(\"total\") and has(\"progress\") and .session_id == \"$session\""
expect "each task carries both hashes, as 32-bit numbers" \
    '[.tasks[] | ._input_hash, ._task_hash] | all(type == "number" and . >= -2147483648 and . < 2147483648)'
cp "$work/reply" "$work/tasks"

jq --arg session "$session" '{session_id: $session, answers: [
    .tasks[0] + {answer: "accept"}, .tasks[1] + {answer: "reject"}, .tasks[2] + {answer: "ignore"}]}' \
    "$work/tasks" >"$work/answers"
[[ $(request POST /give_answers "$work/answers") == 200 ]] || fail "POST /give_answers"
expect "POST /give_answers takes them, and says how far the session is" 'has("progress")'

[[ $(request POST /get_session_questions "$work/pull") == 200 ]] || fail "POST /get_session_questions, again"
jq --slurpfile before "$work/tasks" '{again: ([$before[0].tasks[0:3][]._task_hash] - ([$before[0].tasks[0:3][]._task_hash] - [.tasks[]._task_hash]))}' \
    "$work/reply" >"$work/again"
cp "$work/again" "$work/reply"
expect "none of the three answered tasks comes again" '.again == []'
echo "done: three answers of $session"
