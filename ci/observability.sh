#!/usr/bin/env bash
# Checks what Prometheus gets to see, with promtool: the names and texts of the metrics of a
# muxftpd that has served, the alert rules, and what they are raised for; and that the dashboard's
# queries can be parsed.
set -euo pipefail
cd "$(dirname "$0")/.."

command -v promtool > /dev/null || { echo "promtool is missing: install prometheus" >&2; exit 1; }
promtool check rules docs/operations/prometheus-alerts.yml
promtool test rules ci/observability/alerts-test.yml

# shellcheck source=ci/server.sh
. ci/server.sh

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
serve "${CARGO_TARGET_DIR:-target}/debug/muxftpd" --metrics 0
control=$(on_screen control)
fetch "ftp://$control/file" | grep -qx content
! fetch --upload-file "$work/root/file" "ftp://$control/other" 2> "$work/refused" || exit 1
! fetch "ftp://nobody:x@$control/file" 2> "$work/refused" || exit 1

metrics=$(on_screen metrics)
fetch "$metrics" > "$work/metrics"
grep -q '^muxftpd_transfers_total' "$work/metrics"
promtool check metrics < "$work/metrics"
fetch -H 'Accept: application/openmetrics-text' "$metrics" | tail -n 1 | grep -qx '# EOF'
echo "the metrics, the alerts and the dashboard are right"
