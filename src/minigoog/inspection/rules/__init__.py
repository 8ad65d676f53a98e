"""The rules of operations for inspection. Each file in ops/ has one of the same name here and one in page/web/rules/.

To add an operation: its name below, a Rule in a file here, and if the page is to explain every number, a rule in JavaScript."""

from importlib import import_module

from .breakdown import Breakdown, add_up, copied
from .rule import Context, Pointwise, Rule, Window, function_name, has_rule, input_names, rule_for, rule_of

FILES = ("activation", "adaptive_pool", "arithmetic", "batch_norm", "channel_affine", "concat", "connect", "conv", "conv_transpose",
         "dropout", "gelu", "index", "linear", "lrn", "pad", "pool", "prelu", "rbf", "relu", "reshape", "resize", "softmax",
         "sparse_conv", "transpose")  # fmt: skip

for _name in FILES:
    import_module(f".{_name}", __name__)

__all__ = [
    "add_up", "Breakdown", "Context", "copied", "FILES", "function_name", "has_rule", "input_names", "Pointwise", "Rule", "rule_for",
    "rule_of", "Window",
]
