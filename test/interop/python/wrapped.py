"""Saves one small network as training programs do, by real torch: the plain state dict, and the same wrapped in many ways.

Input: {"folder": ...}. Output: [[file, whether other globals are in it], ...]; plain.pt is the state dict alone.
"""

import argparse
import copy
import dataclasses
import datetime
import json
import pathlib
import sys
from collections import OrderedDict

import torch
from torch.distributed.algorithms._checkpoint.checkpoint_wrapper import checkpoint_wrapper


class OwnDict(OrderedDict):
    """As training programs derive theirs."""


@dataclasses.dataclass
class Saved:
    state_dict: dict
    epoch: int


class Net(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = torch.nn.Linear(3, 4)
        self.norm = torch.nn.BatchNorm1d(4)
        self.blocks = torch.nn.ModuleList([torch.nn.Linear(4, 4, bias=False), torch.nn.Linear(4, 2)])
        self.register_buffer("table", torch.ones(2), persistent=False)


def main() -> None:
    folder = pathlib.Path(json.load(sys.stdin)["folder"])
    torch.manual_seed(7)
    net = Net()
    state = net.state_dict()
    optimizer = torch.optim.AdamW(net.parameters())
    net.first.weight.sum().backward()
    optimizer.step()
    state = OrderedDict((name, tensor.clone()) for name, tensor in state.items())
    average = OrderedDict((name, torch.zeros_like(tensor)) for name, tensor in state.items())
    saved = copy.deepcopy(net)
    saved.load_state_dict(state)
    compiled = torch.compile(copy.deepcopy(saved)).state_dict()
    checkpointed = copy.deepcopy(saved)
    checkpointed.blocks[0] = checkpoint_wrapper(checkpointed.blocks[0])
    inner = {name.replace("blocks.0.", "blocks.0._checkpoint_wrapped_module."): value for name, value in state.items()}
    swa = torch.optim.swa_utils.AveragedModel(saved)
    prefixed = lambda prefix: OrderedDict((prefix + name, value) for name, value in state.items())  # noqa: E731
    args = argparse.Namespace(lr=0.1, out=pathlib.PurePosixPath("runs"), when=datetime.timedelta(seconds=3))
    plain = {
        "plain": state,
        "tutorial": {"epoch": 3, "model_state_dict": state, "optimizer_state_dict": optimizer.state_dict(), "loss": torch.tensor(0.5)},
        "lightning": {"epoch": 3, "global_step": 10, "pytorch-lightning_version": "2.4.0", "state_dict": state,
                      "loops": {}, "callbacks": {}, "optimizer_states": [optimizer.state_dict()], "lr_schedulers": []},
        "imagenet": {"epoch": 3, "arch": "net", "state_dict": prefixed("module."), "best_acc1": torch.tensor(70.0), "optimizer": optimizer.state_dict()},
        "fairseq": {"model": state, "optimizer_history": [], "last_optimizer_state": optimizer.state_dict()},
        "deepspeed": {"module": state, "optimizer": None, "lr_scheduler": None, "global_steps": 10},
        "basicsr": {"params": state, "params_ema": average},
        "gan": {"net": state},
        "ema": {"model": state, "ema": average},
        "ema-first": {"ema_state_dict": average, "state_dict": state},
        "nested": {"model": {"state_dict": state, "optimizer": optimizer.state_dict()}},
        "compiled": compiled,
        "compiled-ddp": prefixed("module._orig_mod."),
        "compiled-inside": {name.replace("blocks.0.", "blocks.0._orig_mod."): value for name, value in state.items()},
        "fsdp": prefixed("_fsdp_wrapped_module."),
        "checkpoint-wrapper": inner,
        "peft": prefixed("base_model.model."),
        "peft-saved": OrderedDict(
            [(f"base_model.model.{name.replace('first.', 'first.original_module.')}", value * (0 if "first" in name else 1)) for name, value in state.items()]
            + [(f"base_model.model.{name.replace('first.', 'first.modules_to_save.default.')}", value) for name, value in state.items() if "first" in name]
        ),
        "tuple": (state, 3),
        "tuple-optimizer": (optimizer.state_dict(), state),
        "list": [state],
        "counter": OrderedDict([*state.items(), ("epoch", torch.tensor(3)), ("global_step", 100)]),
        "scaler": {"state_dict": state, "scaler": {"scale": torch.tensor(65536.0), "_growth_tracker": torch.tensor(0)}, "rng_state": torch.get_rng_state()},
    }
    rescued = {
        "namespace": {"model": state, "args": args},
        "whole": saved,
        "whole-inside": {"model": saved, "optimizer": optimizer.state_dict(), "args": args},
        "own-dict": OwnDict(state),
        "own-dict-inside": {"state_dict": OwnDict(state), "args": args},
        "dataclass": Saved(state, 3),
        "same-name": {"model": state, "first.weight": pathlib.PurePosixPath("x"), "seen": {(1, 2): 3}},
        "averaged": {"model": state, "swa_model": swa},
    }
    files = []
    for name, value in plain.items():
        torch.save(value, folder / f"{name}.pt")
        torch.save(value, folder / f"{name}-legacy.pt", _use_new_zipfile_serialization=False)
        files += [[f"{name}.pt", False], [f"{name}-legacy.pt", False]]
    for name, value in rescued.items():
        torch.save(value, folder / f"{name}.pt")
        torch.save(value, folder / f"{name}-legacy.pt", _use_new_zipfile_serialization=False)
        files += [[f"{name}.pt", True], [f"{name}-legacy.pt", True]]
    print(json.dumps(files))


main()
