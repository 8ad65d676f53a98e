"""Shell completion: a script for bash, zsh or fish, made from the argparse parsers of the programs."""

import argparse
from collections.abc import Iterator
from typing import NamedTuple

from .cli import Parser, Suggested

SHELLS = ("bash", "zsh", "fish")

# The words so far that are commands make up `chain`; what may follow depends on it and on the flag before. (zsh uses this too: the names
# `path` and `words` mean something else there.)
BASH = """\
_minigoog() {
    local word="${COMP_WORDS[COMP_CWORD]}" flag="${COMP_WORDS[COMP_CWORD-1]}" chain="" offer="" i
    for ((i = 1; i < COMP_CWORD; i++)); do
        case "$chain ${COMP_WORDS[i]}" in
            %(paths)s) chain="$chain ${COMP_WORDS[i]}" ;;
        esac
    done
    case "$chain $flag" in
%(values)s
        *)
            case "$chain" in
%(words)s
            esac ;;
    esac
    COMPREPLY=($(compgen -W "$offer" -- "$word"))
}
complete -o default -F _minigoog minigoog"""
ZSH = "autoload -U +X bashcompinit && bashcompinit"


class Command(NamedTuple):
    """A command and the words that may follow it."""

    path: tuple[str, ...]  # ("inspect", "step"): the words after `minigoog`
    commands: dict[str, Parser]
    actions: list[argparse.Action]


def script(shell: str, p: Parser) -> str:
    """The script for a shell of SHELLS; the programs are the `commands` of `p`."""
    commands = list(_commands(p, ()))
    if shell == "fish":
        return _fish(commands)
    return _bash(commands) if shell == "bash" else f"{ZSH}\n{_bash(commands)}"


def _commands(p: Parser, path: tuple[str, ...]) -> Iterator[Command]:
    """The command of `p`, then all below it."""
    below = dict(p.commands)
    for action in p._actions:
        if isinstance(action.choices, dict):  # argparse's own subcommands
            below |= action.choices
    yield Command(path, below, p._actions)
    for word, child in below.items():
        yield from _commands(child, (*path, word))


def _choices(action: argparse.Action) -> list[str]:
    """The values that an argument accepts: its choices, those that it suggests, or those that its help shows as a|b|c."""
    shown = action.metavar.split("|") if isinstance(action.metavar, str) and "|" in action.metavar else []
    suggested = action.type if isinstance(action.type, Suggested) else ()
    return [str(choice) for choice in action.choices or suggested or shown]


def _bash(commands: list[Command]) -> str:
    """The paths, the values of flags with choices, and the words that may follow, as the cases of BASH."""
    paths, values, words = [], [], []
    for command in commands:
        path = "".join(f" {word}" for word in command.path)
        paths += [f'"{path} {word}"' for word in command.commands]
        follow = list(command.commands)
        for action in command.actions:
            follow += action.option_strings or ([] if command.commands else _choices(action))
            if action.option_strings and action.nargs != 0:
                flags = "|".join(f'"{path} {flag}"' for flag in action.option_strings)
                values.append(f'        {flags}) offer="{" ".join(_choices(action))}" ;;')
        words.append(f'                "{path}") offer="{" ".join(dict.fromkeys(follow))}" ;;')
    return BASH % {"paths": "|".join(paths), "values": "\n".join(values), "words": "\n".join(words)}


def _fish(commands: list[Command]) -> str:
    """A line of `complete` for each command and flag."""
    lines = []
    for command in commands:
        seen = "".join(f"; and __fish_seen_subcommand_from {word}" for word in command.path)
        unseen = f"; and not __fish_seen_subcommand_from {' '.join(command.commands)}" if command.commands else ""
        start = f"complete -c minigoog -n {_quoted('true' + seen + unseen)}"
        lines += [f"{start} -f -a {word} -d {_quoted(_about(child))}" for word, child in command.commands.items()]
        lines += [f"{start} {_fish_flag(action)}" for action in command.actions if action.option_strings]
        lines += [f"{start} -f -a {_quoted(' '.join(_choices(action)))}" for action in command.actions
                  if not action.option_strings and _choices(action) and not command.commands]  # fmt: skip
    return "\n".join(lines)


def _about(p: Parser) -> str:
    return (p.description or "").strip().split("\n")[0]


def _fish_flag(action: argparse.Action) -> str:
    """The end of the line for a flag: its names, its argument (one of some words, a file, or nothing) and its help."""
    names = " ".join(f"-l {flag[2:]}" if flag.startswith("--") else f"-s {flag[1:]}" for flag in action.option_strings)
    takes = "" if action.nargs == 0 else f" -x -a {_quoted(' '.join(_choices(action)))}" if _choices(action) else " -r"
    text = "" if action.help in (None, argparse.SUPPRESS) else f" -d {_quoted(str(action.help).replace('%%', '%'))}"
    return names + takes + text


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
