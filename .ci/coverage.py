"""Says what made-up requests reached, and fails when they stayed at the door.

    coverage.py openapi.json requests.har...

A run that finds nothing proves nothing when every answer was a 401. So each operation of the
description must have been answered by more than the door (401, 403), and a good part of the
operations must have done what they are for (2xx) at least once.
"""

import collections
import json
import re
import sys
from urllib.parse import urlsplit

METHODS = {"get", "put", "post", "delete", "patch"}
DOOR = {401, 403}
GOOD_PART = 0.4  # of the operations


def operations(description):
    """Returns (method, pattern of the path, name) for each operation, literal paths first."""
    found = []
    for path, item in description["paths"].items():
        parts = re.split(r"(\{[^}]*\})", path)
        pattern = "".join("[^/]*" if p.startswith("{") else re.escape(p) for p in parts)
        for method in METHODS & item.keys():
            found.append((method.upper(), re.compile(pattern + "$"), f"{method.upper()} {path}"))
    return sorted(found, key=lambda o: o[2].count("{"))


def main(description, logs):
    known = operations(json.load(open(description)))
    statuses = {name: collections.Counter() for _, _, name in known}
    requests = 0
    for log in logs:
        for entry in json.load(open(log))["log"]["entries"]:
            requests += 1
            path = urlsplit(entry["request"]["url"]).path
            for method, pattern, name in known:
                if method == entry["request"]["method"] and pattern.match(path):
                    statuses[name][entry["response"]["status"]] += 1
                    break

    for name, seen in sorted(statuses.items(), key=lambda s: s[0].split()[::-1]):
        counts = " ".join(f"{status}:{n}" for status, n in sorted(seen.items()))
        print(f"  {name:<60} {counts or 'nothing'}")
    shut = [n for n, seen in statuses.items() if not seen.keys() - DOOR]
    done = [n for n, seen in statuses.items() if any(200 <= s < 300 for s in seen)]
    print(f"{requests} requests, {len(statuses)} operations, {len(done)} of them did their work")
    if shut:
        sys.exit("never got past the door: " + ", ".join(sorted(shut)))
    if len(done) < GOOD_PART * len(statuses):
        sys.exit(f"fewer than {GOOD_PART:.0%} of the operations did their work")


main(sys.argv[1], sys.argv[2:])
