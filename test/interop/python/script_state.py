"""Saves the state dict of a TorchScript program as torch.save writes it. Reads {"program": PATH, "state": PATH}."""

import json
import sys

import torch

paths = json.load(sys.stdin)
torch.save(torch.jit.load(paths["program"], map_location="cpu").state_dict(), paths["state"])
print(json.dumps(paths["state"]))
