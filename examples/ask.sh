#!/usr/bin/env bash
# Ask the assistant over plain HTTP and watch the answer arrive, event by event.
set -euo pipefail
url=${FURZE_URL:-http://127.0.0.1:8000}
question=${1:-How many pageviews per day last week?}
uuid() { python3 -c 'import uuid; print(uuid.uuid4())'; }
body=$(python3 -c 'import json, sys; print(json.dumps(dict(zip(("content", "conversation", "trace_id"), sys.argv[1:]))))' \
  "$question" "$(uuid)" "$(uuid)")
curl --no-buffer --silent --show-error --fail-with-body "$url/api/projects/@current/conversations/" \
  -H "Authorization: Bearer $FURZE_PERSONAL_API_KEY" -H "Content-Type: application/json" \
  -H "Accept: text/event-stream" -d "$body"
