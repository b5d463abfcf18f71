#!/usr/bin/env bash
# Checks what Prometheus gets to see, with promtool: the names and texts of the metrics of a
# muxftpd that has served, the alert rules, and what they are raised for; and that the dashboard's
# queries can be parsed.
set -euo pipefail
cd "$(dirname "$0")/.."

command -v promtool > /dev/null || { echo "promtool is missing: install prometheus" >&2; exit 1; }
promtool check rules docs/operations/prometheus-alerts.yml
promtool test rules ci/observability/alerts-test.yml

work=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null || true; rm -rf "$work"' EXIT

# Each query of the dashboard, as a rule.
python3 - docs/operations/grafana-dashboard.json > "$work/queries.yml" << 'PYTHON'
import json
import sys

dashboard = json.load(open(sys.argv[1]))
queries = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
rules = [
    {"record": f"query:{number}", "expr": query.replace("$__rate_interval", "5m")}
    for number, query in enumerate(queries)
]
print(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
PYTHON
promtool check rules "$work/queries.yml"

cargo build --quiet -p muxftpd
mkdir "$work/root"
echo content > "$work/root/file"
read -r port < <(python3 -c '
import socket
with socket.socket() as it:
    it.bind(("127.0.0.1", 0))
    print(it.getsockname()[1])')
"${CARGO_TARGET_DIR:-target}/debug/muxftpd" --root "$work/root" --listen 127.0.0.1:0 --metrics 0 \
    --passive-ports "$port" > "$work/screen" 2> "$work/log" &
server=$!
for _ in $(seq 600); do
    ! grep -q '^ready$' "$work/screen" || break
    kill -0 "$server" || { cat "$work/log" >&2; exit 1; }
    sleep 0.1
done
after() { sed -n "s/^  $1 *//p" "$work/screen"; }
control=$(after control)
curl --silent --show-error --max-time 60 "ftp://$control/file" | grep -qx content
! curl --silent --max-time 60 --upload-file "$work/root/file" "ftp://$control/other" || exit 1
! curl --silent --max-time 60 "ftp://nobody:x@$control/file" || exit 1

metrics=$(after metrics)
curl --silent --show-error --max-time 60 "$metrics" > "$work/metrics"
grep -q '^muxftpd_transfers_total' "$work/metrics"
promtool check metrics < "$work/metrics"
curl --silent --show-error --max-time 60 -H 'Accept: application/openmetrics-text' "$metrics" |
    tail -n 1 | grep -qx '# EOF'
echo "the metrics, the alerts and the dashboard are right"
