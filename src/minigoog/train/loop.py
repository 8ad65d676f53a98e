"""The training loop: steps and epochs."""

import math
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from .. import kernels, optim
from ..data import DamagedImage
from ..files import error_text
from ..parallel import RankLost
from ..parallel.together import agreed, leave_it_to_the_first
from ..text import shell_word
from . import checkpoint, company, finetune, fingerprint, head, lookahead, results, testing
from .callbacks import Several
from .clock import Clock
from .config import Config
from .diagnostics import Diagnostics
from .errors import Interrupted, TrainingError
from .gradients import Batch
from .log import Log
from .optimizers import new_optimizer
from .progress import Progress, Step
from .pruning import Pruner
from .run import Run, new_run
from .schedules import schedule
from .setup import Setup
from .signals import StopRequests
from .stale import Stale
from .ways import gradients

LOG_EVERY = 50  # steps after which losses of all heads and gradient norms are added to the metrics


class Trainer:
    """A network in training. `train()` runs from `progress` to the end, or until it is stopped.

    Raises Interrupted or TrainingError, which leave a complete folder of the run."""

    def __init__(self, config: Config, setup: Setup, run: Run, log: Log) -> None:
        self.config, self.setup, self.run, self.log = config, setup, run, log
        self.model, self.ranks = setup.model, run.ranks
        groups = finetune.groups(setup, config)
        self.rates = [group["lr"] for group in groups]  # the initial ones
        self.optimizer = new_optimizer(config, groups)
        self.stale = Stale(self.model.parameters(), config.staleness)
        self.average = optim.PolyakAverage(self.model.state_dict(), config.average) if config.average else None
        self.pruner = Pruner(config, self.model) if config.prune else None
        self.batches = gradients(setup, config, run.ranks)
        self.diagnostics = Diagnostics(self.model, setup.train.labels, len(setup.info.classes), config.label_smoothing)
        self.progress = Progress()
        taught = setup.teacher.facts() if setup.teacher else {}
        self.fingerprint = fingerprint.of_settings(config) | setup.facts | taught | fingerprint.of_machine()
        self.changes: list[str] = []  # since the checkpoint from which the run was resumed
        self.saved: float | None = None  # the epoch of the last checkpoint
        self.tested: dict[str, testing.Tested] = {}  # the last test results
        self.settled = False  # whether a step has begun and has changed no weight yet
        self.watching = Several(setup.callbacks)
        self.ended = False  # by a callback

    def train(self, stop: StopRequests) -> results.Result:
        """Runs all remaining epochs; returns the Result."""
        try:
            if self.saved is None:
                self.save()  # whatever is written later has a checkpoint beside it; and a full disk shows now
            if self.config.precision == "bf16" and not kernels.bf16.is_fast():
                self.log.warn("--precision bf16: this CPU has no instruction for products of bf16 (AVX512_BF16): each number is widened "
                              "to float32 first, which is slower than float32")
            self.watching.on_begin(self)
            if self.setup.classifier and self.progress.best < 0:  # nothing was tested yet
                self._train_classifier(stop)
            stop.at_once = self.save_at_once if self.ranks.size > 1 else stop.at_once
            while self.progress.epoch < self.config.epochs and not (self.ended or testing.stands_still(self.config, self.progress)):
                with self._going_on():
                    self._epoch(stop)
                    self._end_epoch(stop)
            tested = self.tested or self._tested()  # of the last epoch; none in a finished run that is resumed
            if names := results.missing(self):
                results.write_missing(self, names, tested)
            self.watching.on_end(self)
            return results.finish(self, tested)
        except (MemoryError, OSError, DamagedImage) as error:  # a full disk, a data file that vanished or was damaged
            raise TrainingError(f"{error_text(error)}. {self.how_to_resume()}") from error
        except KeyboardInterrupt:  # the second one: the first only sets `stop.signal`
            raise KeyboardInterrupt(f"stopped at once. {self.how_to_resume()}") from None

    # ---- steps and epochs ----

    def _epoch(self, stop: StopRequests) -> None:
        """Runs the remaining steps of the current epoch."""
        at, clock = self.progress, Clock(self.progress)
        self.model.train()
        if self.setup.classifier:
            finetune.keep_still(self.model, self.config)
        for batch in self.batches.epoch(at.epoch, at.step, at.ahead):
            share = schedule(at.epoch + at.step / len(self.batches), self.config)
            for group, rate in zip(self.optimizer.param_groups, self.rates, strict=True):
                group["lr"] = rate * share
            logged = (at.total_steps + len(batch.numbers)) // LOG_EVERY > at.total_steps // LOG_EVERY
            step = self._step(batch, logged)
            at.add(step.losses, step.correct, batch.images, batch.numbers)
            clock.tick(self.batches.waited)
            if logged:
                self._add_metrics(step.norms)
            if at.step < len(self.batches):
                self._save_within_epoch(stop, clock)
            self.log.step(self, step.losses[0])

    def _step(self, batch: Batch, norms: bool) -> Step:
        """One step of gradient descent. norms: whether to compute gradient norms."""
        self.optimizer.zero_grad()
        self.settled, where = True, f"in step {self.progress.step + 1} of epoch {self.progress.epoch + 1}"
        found = self.batches.of(batch, lambda values: self._check_finite(values, where))
        measured = self.diagnostics.norms() if norms else {}
        if self.config.clip and not self.config.downpour:  # replicas have done so
            optim.clip_grad_norm_(self.model.parameters(), self.config.clip)
        self.settled = False
        self.stale.exchange(self.progress.total_steps)
        self.optimizer.step()
        if self.config.lookahead:
            lookahead.step(self.optimizer, self.config, self.progress, len(self.batches))
        if self.pruner:
            before, after = (self.progress.epoch + step / len(self.batches) for step in (self.progress.step, self.progress.step + 1))
            self.pruner.step(before, after, self.average)
        if self.average:
            self.average.step()
        return Step(found.losses, found.correct, measured)

    def _end_epoch(self, stop: StopRequests) -> None:
        """Tests, writes weights, metrics and checkpoint; once more, with a test, if a callback ends the run in an epoch that had none."""
        at, began = self.progress, time.perf_counter()
        tested = self._tested() if self.ended or testing.due(self.config, at.epoch + 1) else {}
        test_seconds = time.perf_counter() - began
        self._check_finite([loss for loss, *_ in tested.values()], f"after epoch {at.epoch + 1}")  # of the last step's weights
        lines = at.metrics_length
        try:
            self._record(at.epoch + 1, tested, test_seconds)
            if self.ended and not tested:
                self.progress, at.metrics_length = at, lines
                self.save()  # a run that is killed before the line is written anew can be resumed
                self.run.cut_metrics(lines)
                self._end_epoch(stop)
                return
            company.check_weights(self)
            if signal := self._asked_to_stop(stop):
                raise self._interrupted(f"stopped after epoch {at.epoch + 1}", signal)
        except RankLost:  # perhaps the first process had not written everything
            self.progress, at.metrics_length, self.ended = at, lines, False
            raise

    def _record(self, epoch: int, tested: dict[str, testing.Tested], test_seconds: float) -> None:
        """Writes the weights, metrics and checkpoint of an epoch that has ended; epoch 0: the new classifier's own training."""
        at, self.settled = self.progress, False
        with self._finite_arrays():
            checkpoint.check_finite(self)
        if tested:
            results.write_weights(self, epoch, tested)
        facts = results.epoch_facts(epoch, at, len(self.setup.train), self.optimizer.lr, tested, test_seconds)
        facts |= self.pruner.facts() if self.pruner else {}
        facts |= self.batches.facts()
        if self.config.skip_damaged:
            facts["skipped"] = len(self.setup.skipped)
        at.metrics_length = self.run.add_metrics(facts)
        self.progress = at.at_epoch(epoch, test_seconds)
        self.save()
        self.log.epoch(facts, self.config.epochs)
        ended = self.watching.on_epoch(self, facts)
        self.ended = any(self.ranks.gather("the callbacks", self.ended or ended))

    def _train_classifier(self, stop: StopRequests) -> None:
        """Trains only the new classifier of a network that is fine-tuned. If it is stopped, it starts again."""
        for said in head.train(self.model, self.setup, self.config, self.progress):
            self.log.say(said)
            if signal := self._asked_to_stop(stop):
                raise self._interrupted("stopped before epoch 1; what was computed is discarded", signal)
        if self.average:
            self.average = optim.PolyakAverage(self.model.state_dict(), self.config.average)
        if self.config.lookahead:
            lookahead.begin(self.optimizer)
        began = time.perf_counter()
        tested = self._tested()
        self._record(0, tested, time.perf_counter() - began)

    def _tested(self) -> dict[str, testing.Tested]:
        """The test results of the current weights and of their average, if there is one."""
        self.batches.collect(self)
        self.tested = {"test": testing.test(self.model, self.setup, self.config.workers, self.ranks)}
        if self.average and not self.progress.total_steps:  # it is the weights themselves
            self.tested["averaged_test"] = self.tested["test"]
        elif self.average:
            with testing.weights(self.model, self.average.averages):
                self.tested["averaged_test"] = testing.test(self.model, self.setup, self.config.workers, self.ranks)
        return self.tested

    # ---- metrics and checkpoints ----

    def _add_metrics(self, norms: dict[str, float]) -> None:
        """Adds losses and gradient norms to the metrics, and prints warnings of the diagnostics."""
        at = self.progress
        means = at.mean_losses()
        facts = {"step": at.total_steps, "epoch": at.epoch + at.step / len(self.batches), "losses": means, "gradient_norms": norms}
        facts["lr"] = self.optimizer.lr
        at.metrics_length = self.run.add_metrics(facts)
        for warning in self.diagnostics.log(at.total_steps, means, norms):
            self.log.warn(warning)
        self.watching.on_steps(self, facts)

    def _save_within_epoch(self, stop: StopRequests, clock: Clock) -> None:
        """Saves a checkpoint if it is time, or if a stop was requested: then raises Interrupted."""
        self.stop_if_asked(stop)
        if clock.since_save() > 60 * self.config.checkpoint_minutes:
            self.save()
            clock.saved()

    def stop_if_asked(self, stop: StopRequests) -> None:
        """Saves a checkpoint and raises Interrupted if a stop was requested."""
        if signal := self._asked_to_stop(stop):
            self.save()
            raise self._interrupted(f"stopped after step {company.at_text(self)}", signal)

    def _asked_to_stop(self, stop: StopRequests) -> int:
        """The number of a signal that one of the processes was stopped with, or 0; all of them know how long the metrics are."""
        signals, lengths = zip(*self.ranks.gather("the stop requests", (stop.signal or 0, self.progress.metrics_length)), strict=True)
        self.progress.metrics_length = lengths[0]
        return int(max(signals))

    def save_at_once(self) -> None:
        """At a signal, if there are several processes: a checkpoint of the last step, in case mpiexec leaves no time for the next."""
        if not self.settled or self.ranks.rank:
            return
        checkpoint.save(self.run, self, self.batches.before())
        self.saved = self.progress.epoch + self.progress.step / len(self.batches)
        print(f"\nrank 0 was told to stop. {self.how_to_resume()}", file=sys.stderr, flush=True)

    @contextmanager
    def _going_on(self) -> Iterator[None]:
        """Within a with-block, the other processes go on if one dies, if that is wanted; training goes on behind the block."""
        try:
            yield
        except RankLost as lost:
            if not self.config.elastic:
                raise TrainingError(f"another process has died ({lost}). {self.how_to_resume()}") from None
            company.repair(self)

    def save(self) -> None:
        """Writes a checkpoint; TrainingError, with the last good one intact, if a weight is not finite."""
        self.batches.collect(self)
        with self._finite_arrays():
            checkpoint.save(self.run, self)
        self.saved = self.progress.epoch + self.progress.step / len(self.batches)

    def load(self, accept_changes: bool = False) -> None:
        """Resumes from the run's checkpoint, or starts if it has neither that nor results."""
        agreed(self.ranks, "the checkpoint", lambda: None if self.ranks.rank else self._load(accept_changes))
        company.share_state(self, 0)

    def _load(self, accept_changes: bool) -> None:
        if not self.run.path(checkpoint.NAME).exists():
            self.run.check_startable()
            return
        self.changes = checkpoint.load(self.run, self, accept_changes)
        self.saved = self.progress.epoch + self.progress.step / len(self.batches)
        self.progress.metrics_length = self.run.cut_metrics(self.progress.metrics_length)

    # ---- errors ----

    def how_to_resume(self) -> str:
        """How to resume after a stop, as text."""
        if not (there := self.run.path(checkpoint.NAME).exists()) and self.saved is None:
            return "There is no checkpoint yet"
        if not there:
            return f"It cannot be resumed: {self.run.path(checkpoint.NAME)} is gone"
        where = "" if self.saved is None else f" from epoch {self.saved:.2f}"
        return f"Resume{where} with: python -m minigoog.train --resume {shell_word(self.run.resumed_by)}"

    def _check_finite(self, values: Sequence[float], where: str) -> None:
        for value in values:
            if not math.isfinite(value):
                raise self._broken(f"the loss became {value} {where}")

    @contextmanager
    def _finite_arrays(self) -> Iterator[None]:
        """Within a with-block, a FloatingPointError about an array becomes a TrainingError."""
        try:
            yield
        except FloatingPointError as error:
            raise self._broken(str(error)) from None

    def _interrupted(self, what: str, signal: int) -> Interrupted:
        return Interrupted(f"{what}. {self.how_to_resume()}", signal, said=self.ranks.rank > 0)

    def _broken(self, what: str) -> TrainingError:
        """To resume with the same settings would end the same way: the message says how to train with others."""
        leave_it_to_the_first(self.ranks)  # all processes find the same
        config, lr = self.run.resumed_by / "config.toml", self.config.lr
        cure = f"{what}: try a smaller --lr than {lr:g}, or --clip, in a new run: {new_run(config)} --lr {lr / 10:g}"
        changed = f"python -m minigoog.train --resume {shell_word(self.run.resumed_by)} --accept-changes"
        later = f". Or change `lr` in {shell_word(config)} and go on from epoch {self.saved:.2f}: {changed}" if self.saved else ""
        return TrainingError(cure + later)
