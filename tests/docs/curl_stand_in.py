"""What the pages ask of curl, for a machine without it: `-s -G -X METHOD -H HEADER -d DATA --data-urlencode DATA`."""

from __future__ import annotations

import argparse
import sys
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("-s", action="store_true")
    parser.add_argument("-G", action="store_true")
    parser.add_argument("-X", dest="method")
    parser.add_argument("-d", dest="fields", action="append", default=[])
    parser.add_argument("--data-urlencode", dest="encoded", action="append", default=[])
    parser.add_argument("-H", dest="headers", action="append", default=[])
    parser.add_argument("url")
    asked = parser.parse_args()
    pairs = (field.split("=", 1) for field in asked.encoded)
    data = "&".join([*asked.fields, *(f"{name}={quote(value)}" for name, value in pairs)])
    url = asked.url if "://" in asked.url else f"http://{asked.url}"
    url, body = (f"{url}?{data}", None) if asked.G else (url, data.encode() or None)
    headers = dict(header.split(": ", 1) for header in asked.headers)
    method = asked.method or ("POST" if body else "GET")
    try:
        answer = urlopen(Request(url, body, headers, method=method), timeout=30)
    except HTTPError as refused:
        answer = refused
    with answer:
        sys.stdout.write(answer.read().decode())


if __name__ == "__main__":
    main()
