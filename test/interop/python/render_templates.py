"""Renders chat templates as transformers does; reads {"templates": [...], "variables": {...}} and prints texts or errors."""

import copy
import json
import sys

from transformers.utils.chat_template_utils import _compile_jinja_template

request = json.load(sys.stdin)
results = []
for index, source in enumerate(request["templates"]):
    variables = request["variables"]
    if isinstance(variables, list):
        variables = variables[index]
    try:
        results.append({"text": _compile_jinja_template(source).render(**copy.deepcopy(variables))})
    except Exception as error:
        results.append({"error": f"{type(error).__name__}: {error}"})
json.dump(results, sys.stdout)
