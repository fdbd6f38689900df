"""Where patterns part a text of all code points, by Python's tokenizers."""

import json
import sys

from tokenizers import Regex, pre_tokenizers

text = "".join(chr(point) for point in range(0x110000) if not 0xD800 <= point < 0xE000)
answers = {}
for pattern in json.load(sys.stdin)["patterns"]:
    pieces = pre_tokenizers.Split(Regex(pattern), "isolated").pre_tokenize_str(text)
    answers[pattern] = ",".join(str(end) for _, (_, end) in pieces)
print(json.dumps(answers))
