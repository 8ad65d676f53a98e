"""Small demonstrations that take no time: what the program does with them is what it does with real ones."""

from minigoog.sparsity.runner.demonstration import Demonstration


def demonstration(name, link="L1", measure=None, verdict="holds", figures=None, seeded=False):
    """One that measures the seed, in a part of its own, unless told otherwise."""

    def count(setting):
        return {"seed": setting.once("part", lambda: {"value": setting.seed})["value"]}

    return Demonstration(
        name=name, link=link, title=f"The <title> of {name}", claim="a claim", experiment="an experiment", rule="a rule with `code`",
        measure=measure or count, judge=lambda numbers: (verdict, f"because {numbers}"),
        table=lambda numbers: (["what", "how much"], [["seed", str(numbers["seed"])]]), figures=figures or {}, seeded=seeded,
    )  # fmt: skip
