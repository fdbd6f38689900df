"""What Python makes of rows of JSON.

Input: lines of JSON, or what is none. The last line says for each its columns, name and `str(value)`, or null where json refuses it.
"""

import json
import sys


def columns(line: str) -> list | None:
    try:
        row = json.loads(line)
    except ValueError:
        return None
    return [[name, str(value)] for name, value in row.items()] if isinstance(row, dict) else [["", str(row)]]


print(json.dumps([columns(line) for line in json.load(sys.stdin)]))
