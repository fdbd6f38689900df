"""Where patterns part a text of code points, by Python's tokenizers."""

import json
import sys

from tokenizers import Regex, pre_tokenizers

given = json.load(sys.stdin)
text = "".join(chr(point) for begin, end in given["points"] for point in range(begin, end))
answers = {}
for pattern in given["patterns"]:
    pieces = pre_tokenizers.Split(Regex(pattern), "isolated").pre_tokenize_str(text)
    answers[pattern] = ",".join(str(end) for _, (_, end) in pieces)
print(json.dumps(answers))
