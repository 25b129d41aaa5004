"""python -m adshift.watch: a finished run and the folder that a camera fills, until it is stopped."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from adshift.config.build import plain
from adshift.data.series.rules import NONE, by_path
from adshift.errors import AdshiftError
from adshift.prediction.detector import load_detector
from adshift.prediction.pictures import Pictures
from adshift.prediction.rows import RowWriter
from adshift.results.files import RESULT
from adshift.results.read import read_result
from adshift.system.terminal import say, tell
from adshift.watch.account import Account
from adshift.watch.arrivals import Arrivals
from adshift.watch.book import Book
from adshift.watch.database import NAME, usable
from adshift.watch.epochs import enter, has_several, home_of
from adshift.watch.line import Line, row_of
from adshift.watch.outlets.configured import outlets
from adshift.watch.outlets.delivery import Delivery
from adshift.watch.page import INDEX
from adshift.watch.place import Place
from adshift.watch.plan import WatchPlan, make_watch_plan
from adshift.watch.records import Alarm, Part
from adshift.watch.renewal import Renewal
from adshift.watch.repair import repair_threshold

STEP = 0.5
"""Seconds without a file after which what else there is to do is looked for."""
FAREWELL = 5.0
"""Seconds that a watch which ends gives those who are still to be told."""


def watch(config: DictConfig) -> None:
    """Watch a folder into Hydra's output folder; see ``watched``."""
    from hydra.core.hydra_config import HydraConfig

    logging.getLogger("faiss.loader").setLevel(logging.WARNING)  # it tells of every instruction set it tries
    watched(plain(config), Path(HydraConfig.get().runtime.output_dir))


def watched(chosen: Mapping[str, Any], folder: Path) -> None:
    """Judge every new image of a folder, until a signal comes or, with ``once``, nothing new is there.

    Everything that must not be lost lies in ``folder``/watch.sqlite: killed at any moment and started again, no image is
    judged twice, none is left out, and the evidence goes on where it was.

    Raises:
        AdshiftError: a value is out of bounds, the run or the folder is of no use, or ``folder`` is another source's.
    """
    plan = make_watch_plan(chosen)
    if folder.resolve() == plan.source:
        raise AdshiftError(
            f"source={plan.source} is the output folder too, whose pictures would be judged; name another one: "
            "hydra.run.dir=FOLDER"
        )
    listening = outlets(chosen["webhook"], chosen["mqtt"])
    with ExitStack() as stack:
        stack.enter_context(usable(folder / NAME))
        book = Book(folder / NAME, make=True)
        stack.callback(book.close)
        place = _place(plan, book, folder, tuple(outlet.name for outlet in listening))
        delivery = Delivery(folder / NAME, listening)
        stack.callback(delivery.close, FAREWELL)
        watch = Watch(plan, book, place, delivery, stack)
        stack.callback(Renewal(folder / NAME, folder, plan.page).close)
        watch.run()


def _place(plan: WatchPlan, book: Book, folder: Path, outlets: tuple[str, ...]) -> Place:
    held = str(plan.source)
    with book.transaction():
        first = book.fact("source", held)
        watch = book.fact("watch", str(uuid.uuid4()))
    if first != held:
        raise AdshiftError(
            f"{folder} is the watch of {first}, and not of source={plan.source}; name another folder: hydra.run.dir=FOLDER"
        )
    return Place(folder, str(plan.source), plan.data_root, watch, outlets, plan.photographs, plan.max_pictures)


class Watch:
    """The loop: files in, parts out, epochs in between.

    Args:
        plan: what is asked.
        book: the data base.
        place: of the watch.
        delivery: to those who are told.
        stack: what is closed at the end.
    """

    def __init__(self, plan: WatchPlan, book: Book, place: Place, delivery: Delivery, stack: ExitStack) -> None:
        self._plan = plan
        self._book = book
        self._place = place
        self._delivery = delivery
        run = (_repaired(book, plan.run) if plan.auto else None) or plan.run
        if plan.auto and has_several(run):
            raise AdshiftError(
                f"auto=true cannot repair run={run}, which has several categories, with photographs of one; leave auto "
                "out, or fit a run of this category alone"
            )
        self._rows = stack.enter_context(RowWriter(place.folder))
        for part in book.parts():  # what a killed program did not write any more
            self._rows.write(row_of(part))
        self._unrepaired: set[int] = set()
        self._line = self._enter(run, "asked for: again=true" if plan.again else "")
        self._arrivals = Arrivals(plan.source, book.looks_seen, plan.settle, plan.patience, plan.poll, plan.notices)
        stack.callback(self._arrivals.close)

    def run(self) -> None:
        """Until a signal ends it, or with ``once`` nothing waits."""
        say(f"watching {self._plan.source}: {self._line.epoch.why}; {self._place.folder / INDEX}")
        before = self._book.last_number()
        while True:
            path = self._arrivals.take(STEP)
            part = None if path is None else self._judge(path)
            if path is None or part is not None:
                self._settle_alarm(idle=path is None)
            if path is None and self._plan.once and self._arrivals.idle():
                say(self._in_words(before))
                return

    def _in_words(self, before: int) -> str:
        """What came of the parts after number ``before``."""
        counts = "SELECT count(*) AS parts, coalesce(sum(decision), 0) AS bad, coalesce(sum(error != ''), 0) AS unread "
        ((parts, bad, unread),) = self._book.query(counts + "FROM parts WHERE number > ?", (before,))
        return f"{parts} new parts, {bad} anomalous, {unread} not read; {len(self._book.alarms())} alarms in all"

    def _judge(self, path: str) -> Part | None:
        """A file as a part, or None where it is none, or none yet."""
        alarmed = self._line.account.alarm
        try:
            part = self._line.take(path, final=False)
        except AdshiftError:
            if not self._arrivals.unreadable(path):
                return None
            part = self._line.take(path, final=True)
        self._arrivals.done(path)
        self._delivery.wake()
        if part is not None and part.error:
            tell(f"adshift: not judged: {part.error}")
        if self._line.account.alarm is not None and alarmed is None:
            _tell_alarm(self._line.account.alarm)
        return part

    def _settle_alarm(self, idle: bool) -> None:
        """Bring an alarm's account up to date; repair where that is asked for and its photographs are enough."""
        account = self._line.account
        made_enough = account.renew(idle)
        if account.alarm is None or not account.complete:
            return
        if made_enough:
            photographs = account.alarm.told["photographs"]
            say(f"alarm {account.alarm.alarm}: {photographs['count']} photographs lie in {photographs['folder']}")
        if self._plan.auto and account.alarm.alarm not in self._unrepaired:
            self._repair(account, account.alarm)

    def _repair(self, account: Account, alarm: Alarm) -> None:
        """A new threshold on a copy takes over; told, and written down with the alarm."""
        out = self._place.folder / "repairs" / f"{alarm.alarm:03}"
        try:
            home = Path(home_of(Path(self._line.epoch.run)))
            made = repair_threshold(home, Path(alarm.told["photographs"]["folder"]), self._plan.data_root, out)
        except AdshiftError as error:
            tell(f"adshift: alarm {alarm.alarm} could not be repaired ({error}); the run goes on as it is")
            self._unrepaired.add(alarm.alarm)
            return
        before = self._line.epoch

        self._line = self._enter(made, f"a new threshold after alarm {alarm.alarm}", lambda: account.repaired(made))
        self._delivery.wake()
        now = self._line.epoch
        say(
            f"alarm {alarm.alarm}: repaired with a new threshold, {now.threshold:.4g} in the place of "
            f"{'none' if before.threshold is None else format(before.threshold, '.4g')}; {made} judges from now on, "
            f"{before.run} is as it was"
        )

    def _enter(self, run: Path, why: str, also: Callable[[], None] | None = None) -> Line:
        plan, book = self._plan, self._book
        detector = load_detector(run, plan.category, plan.device)
        group_of = self._series(run)
        epoch, evidence = enter(
            book, run, plan.category, detector, plan.delta, plan.seed, plan.data_root, group_of, why, also
        )
        if epoch.told:
            tell(f"adshift: note: {epoch.told}")
        drawer = Pictures(
            self._place.folder,
            plan.pictures,
            0,
            plan.picture_size,
            detector.pixel_threshold,
            detector.pixel_rule.region,
        )
        account = Account(book, epoch, detector.normals, home_of(run), self._place)
        return Line(book, epoch, evidence, detector, account, drawer, self._rows, self._place, group_of)

    def _series(self, run: Path) -> Callable[[str], str]:
        """What tells the series of a part: the watch's own rule, or its run's."""
        own = self._plan.groups
        text = own or str(read_result(run)["config"]["data"].get("groups", NONE))
        found = by_path(text, "data.groups" if own is None else "groups")
        if found is None and text != NONE:
            tell(
                f"adshift: note: data.groups={text} tells no series of a single picture, so that the alarm takes every "
                "part for one by itself; groups=REGEX (of the file's name) or groups=FILE.csv tells them"
            )
        return found or (lambda _: "")


def _repaired(book: Book, run: Path) -> Path | None:
    """What an alarm's repair has put in the place of a run; None where nothing has, or where that is gone."""
    last = book.epochs()[-1:]
    if not last or Path(last[0].run) == run or not (Path(last[0].run) / RESULT).is_file():
        return None
    return Path(last[0].run) if home_of(Path(last[0].run)) == home_of(run) else None


def _tell_alarm(alarm: Alarm) -> None:
    lines = [
        f"adshift: ALARM {alarm.alarm} at part {alarm.number}: the line has changed, since about part {alarm.since} "
        f"({', '.join(alarm.streams)})"
    ]
    lines += [f"  {line}" for line in alarm.told["words"]]
    lines += [f"  {alarm.told['promise']}"]
    if alarm.told["commands"]:
        lines += ["  what to do:", *[f"    {command}" for command in alarm.told["commands"]]]
    tell("\n".join(lines))
