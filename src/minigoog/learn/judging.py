"""The judge: asks a function all cases of an exercise, and says what is wrong with its answers."""

from dataclasses import dataclass

from .answers import Answer, alike, ask
from .comparing import differences
from .exercise import Case, Exercise, Function


@dataclass(frozen=True)
class Verdict:
    """right: in all cases. message: otherwise what is wrong, in sentences. passed: the cases that were right; failed: the first other, if
    the function was asked at all."""

    exercise: str
    right: bool
    message: str
    passed: tuple[str, ...]
    failed: str = ""
    number: int = 0  # of the case that failed; 0 if none was asked

    def __str__(self) -> str:
        if self.right:
            return f"{self.exercise}: right, in all {len(self.passed)} cases"
        lines = [f"{self.exercise}: not yet", *self.message.splitlines()]
        lines += [f"wrong: case {self.number}, {self.failed}"] if self.number else []
        return "\n  ".join([*lines, *([f"right: {'; '.join(self.passed)}"] if self.passed else [])])


def verdict(exercise: Exercise, function: Function) -> Verdict:
    """What the judge says about a function."""
    answers = [ask(function, case.arguments, len(exercise.results)) for case in exercise.cases]
    rights = [_expected(exercise, case) for case in exercise.cases]
    fits = [not answer.fault and alike(answer, right) for answer, right in zip(answers, rights, strict=True)]
    passed = tuple(case.about for case, fit in zip(exercise.cases, fits, strict=True) if fit)
    if all(fits):
        return Verdict(exercise.name, True, "", passed)
    at = fits.index(False)
    message = _known_mistake(exercise, answers, rights, at) or _described(exercise, answers[at], rights[at])
    return Verdict(exercise.name, False, message, passed, exercise.cases[at].about, at + 1)


def _expected(exercise: Exercise, case: Case) -> Answer:
    """The right answer; RuntimeError if the teacher's own function fails."""
    answer = ask(exercise.expected, case.arguments, len(exercise.results))
    if answer.fault:
        raise RuntimeError(f"exercise {exercise.name}: `expected` fails in the case {case.about!r}: {answer.fault}")
    return answer


def _known_mistake(exercise: Exercise, answers: list[Answer], rights: list[Answer], at: int) -> str:
    """What to say if the function answers as a typical mistake does in every case, or in case `at` as one mistake only; "" otherwise."""
    there = [said for said, mistake in exercise.mistakes.items() if _alike_in(exercise, mistake, answers, at)]
    everywhere = [said for said in there if all(_alike_in(exercise, exercise.mistakes[said], answers, i) for i in range(len(answers)))]
    said = everywhere[0] if everywhere else f"It looks like this: {there[0]}" if len(there) == 1 else ""
    return "\n".join([said, *_numbers(exercise, answers, rights)]) if said else ""


def _alike_in(exercise: Exercise, mistake: Function, answers: list[Answer], at: int) -> bool:
    """Whether a function answers case `at` as a mistake does."""
    return alike(answers[at], ask(mistake, exercise.cases[at].arguments, len(exercise.results)))


def _numbers(exercise: Exercise, answers: list[Answer], rights: list[Answer]) -> list[str]:
    """What a mistake that has a name looks like in numbers: the last sentence about the first array that is wrong."""
    for answer, right in zip(answers, rights, strict=True):
        if not alike(answer, right):
            return [] if answer.fault else _described(exercise, answer, right).splitlines()[-1:]
    return []


def _described(exercise: Exercise, answer: Answer, right: Answer) -> str:
    """What is wrong with an answer of which no typical mistake is known."""
    if answer.fault:
        return answer.fault
    for name, a, b in zip(exercise.results, answer.arrays, right.arrays, strict=True):
        found = list(differences(b, a)) if not alike(Answer((a,)), Answer((b,))) else []
        if found:
            return "\n".join(f"{name}: {sentence}" if len(exercise.results) > 1 else sentence for sentence in found)
    return ""


def faults_of(exercise: Exercise) -> list[str]:
    """What a teacher should repair: a solution that is judged wrong, a mistake that no case reveals, or that is taken for another."""
    faults: list[str] = []
    own = verdict(exercise, exercise.solution)
    if not own.right:
        faults.append(f"the solution is judged wrong: {own.message}")
    for message, mistake in exercise.mistakes.items():
        said = verdict(exercise, mistake)
        if said.right:
            faults.append(f"no case reveals the mistake {message!r}")
        elif not said.message.startswith(message):
            faults.append(f"the mistake {message!r} is told as {said.message.splitlines()[0]!r}")
    return faults
