"""The explorer as a person meets it: choose, move, reset, save as a scenario, make the annex."""

import os
import re
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import yaml

from sufficiency.case import CaseError, load_case
from sufficiency.case.files import find_case
from sufficiency.report import explore as page
from sufficiency.run.explore import Explorer
from sufficiency.run.parameters import ParameterError
from sufficiency.run.study import Study

NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
# Few enough to answer at once; the annex is made with the worlds of any other annex.
MOST, ANNEX = 2000, 10_000
HOW = ("A slider that is moved is taken as known there. Prices, grants, savings and the account "
       "are worked out again in {draws:,} worlds; children as the change in expected numbers")
LINE = "; what {route} saves is read off a straight line fitted to these worlds{error}"


def explore(study, annex_draws=ANNEX):
    """The panel of a study; display it. annex_draws: worlds of an annex made from it."""
    return Control(study, annex_draws).panel


class Control:
    """What happens when a person does something on the panel."""

    def __init__(self, study, annex_draws=ANNEX):
        if study.parameters.draws > MOST:
            raise ParameterError(f"parameter draws: found {study.parameters.draws}; allowed: 1 to "
                                 f"{MOST}, so that the sliders answer at once")
        self.panel = page.Panel()
        self.annex_draws, self.job = annex_draws, None
        self.panel.councils = sorted({*self._councils(study), study.case.name})
        self.open(study)
        self.panel.observe(lambda change: self.moved(), "positions")
        self.panel.observe(lambda change: self.asked(change["new"]), "asked")

    @staticmethod
    def _councils(study):
        return [path.stem for path in (study.root / "params" / "councils").glob("*.yaml")]

    def open(self, study):
        """Show another study, as it stands."""
        explorer = Explorer(study)
        case, sliders = explorer.respond({}), explorer.sliders
        # What the first move asks for is made now, so that it is answered as soon as any other
        explorer.respond({key: one.high for key, one in sliders.items()})
        self.study, self.explorer, self.case = study, explorer, case
        panel = self.panel
        with panel.hold_trait_notifications():
            panel.council, panel.scenario = study.case.name, study.case.scenario
            panel.scenarios = ["", *(study.case._tree.data.get("scenarios") or {})]
            panel.positions = {}
            panel.sliders = [{"key": key, "label": one.made.label or key, "low": one.low,
                              "high": one.high, "texts": one.texts} for key, one in sliders.items()]
        self.answer()

    def moved(self):
        """Answer a move; the page is told that it has its answer, whatever came of it."""
        with self.panel.hold_sync():
            self._try(self.answer)
            self.panel.turn += 1

    def answer(self):
        """Draw and say what the models make of the sliders."""
        panel, explorer = self.panel, self.explorer
        now = explorer.respond({**panel.positions})
        said = page.words(now, self.case, explorer.names)
        moved = sum(map(bool, panel.positions.values()))
        heading = f"{self.study.council}: " + (
            f"{moved} slider{'s' * (moved > 1)} moved" if moved else "the case as it stands")
        how = HOW.format(draws=self.study.parameters.draws) if explorer.has_plans else HOW.split(
            ". Prices", maxsplit=1)[0] + "."
        if now.saving is not None:
            error = now.saving["error"]
            error = f" (standard error of the change {page.money(error, error / 10)})" * bool(error)
            how = how.rstrip(".") + LINE.format(route=page.lower(explorer.names[0]), error=error)
        panel.answer = {
            "pictures": page.pictures(now, self.case, explorer.names),
            "alt": page.alt(now, self.case, explorer.names, said), "heading": heading,
            "said": said, "how": how.rstrip(".") + ".", "words": " ".join([f"{heading}.", *said])}
        panel.status = " ".join([f"{heading}.", *said[:2]])

    def asked(self, what):
        """Do what a button or a choice asks; what cannot be done is said in the status."""
        jobs = {"council": self._choose_council, "scenario": self._choose_scenario,
                "reset": self._reset, "save": self.save, "annex": self.annex}
        self._try(jobs[what["what"]], what.get("name", ""))

    def _try(self, act, *given):
        try:
            act(*given)
        except ValueError as error:
            self.panel.status = f"Not done: {error}"
        except OSError as error:
            self.panel.status = f"Not done: {error.filename}: {error.strerror}"

    def _reset(self, _):
        self.panel.positions = {}

    def _choose_council(self, name):
        self._change(case=name, scenario="")

    def _choose_scenario(self, name):
        self._change(scenario=name)

    def _change(self, **to):
        panel, before = self.panel, self.study.parameters
        panel.busy, panel.status = True, "Working it out: this takes some seconds …"
        try:
            self.open(Study(replace(before, overrides="", **to)))
        finally:
            # A choice that failed shows what still holds
            panel.council, panel.scenario = self.study.case.name, self.study.case.scenario
            panel.send_state(("council", "scenario"))
            panel.busy = False

    def save(self, name):
        """Write the sliders as a scenario of a case file that extends this one; its path.

        The file is loaded with the scenario before it takes its name. Refuses a name that is not
        plain or is taken, sliders that are not moved, and a case outside params/councils.
        """
        case, name = self.study.case, name.strip()
        changes = self.explorer.changes({**self.panel.positions})
        folder = self.study.root / "params" / "councils"
        if not NAME.fullmatch(name):
            raise CaseError(f"name of the scenario: found {name!r}; allowed small letters, digits "
                            "and _, a letter first, at most 40")
        if not changes:
            raise CaseError("sliders: found none moved; allowed one or more")
        if find_case(case.name, case.root).parent.resolve() != folder.resolve():
            raise CaseError(f"case: found {case.files[-1]}; allowed one in params/councils")
        path = folder / f"{case.name}_{name}.yaml"
        if path.exists() or name in self.panel.scenarios:
            raise CaseError(f"name of the scenario: found {name!r}, which is there already; "
                            "allowed another name: nothing is replaced")
        block = {**(case._tree.data.get("scenarios", {}).get(case.scenario) or {}),
                 **case.overrides, **changes}
        said = {"extends": case.name, "scenarios": {name: block}}
        text = yaml.safe_dump(said, sort_keys=False, allow_unicode=True, width=96)
        aside = path.with_name(f"{path.stem}_{os.getpid()}.yaml")
        try:
            aside.write_text(f"# Saved from the explorer, on {case.name}"
                             f"{case.scenario and f', scenario {case.scenario}'}.\n{text}",
                             encoding="utf-8", newline="\n")
            load_case(str(aside), scenario=name, root=case.root)
            os.link(aside, path)  # fails, and replaces nothing, if somebody was faster
        except FileExistsError:
            raise CaseError(f"{path.name}: found it there already; allowed another name") from None
        finally:
            aside.unlink(missing_ok=True)
        self.panel.councils = sorted({*self.panel.councils, path.stem})
        self.panel.status = (f"Saved {path.relative_to(self.study.root).as_posix()}. To make its "
                             f"annex: sufficiency annex {path.stem} --scenario {name}")
        return path

    def annex(self, _=""):
        """Make the annex of what the sliders say, in a process of its own; its lines are said."""
        if self.job and self.job.is_alive():
            raise ParameterError("annex: found one being made; allowed one at a time")
        given = self.study.parameters
        overrides = {**self.study.case.overrides,
                     **self.explorer.changes({**self.panel.positions})}
        command = [sys.executable, "-m", "sufficiency", "annex", given.case, "--draws",
                   str(self.annex_draws), "--seed", str(given.seed)]
        command += ["--scenario", given.scenario] if given.scenario else []
        command += ["--as-known", given.as_known] if given.as_known else []
        for key, value in overrides.items():
            command += ["--set", f"{key}={value}"]
        self.panel.status = "Making the annex: its notebooks run first …"
        self.job = threading.Thread(target=self._make, args=(command,), daemon=True)
        self.job.start()

    def _make(self, command):
        library = str(Path(page.__file__).parents[2])
        paths = os.pathsep.join(filter(None, (library, os.environ.get("PYTHONPATH"))))
        pipe = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True,
                "encoding": "utf-8", "errors": "replace", "bufsize": 1}
        with subprocess.Popen(command, cwd=self.study.root, env={**os.environ, "PYTHONPATH": paths,
                              "PYTHONUTF8": "1"}, **pipe) as process:
            last = ""
            for line in process.stdout:
                last = line.strip() or last
                self.panel.status = f"Making the annex: {last}"
        if process.returncode:
            self.panel.status = f"The annex was not made: {last.removeprefix('error: ')}"
        else:
            self.panel.status = f"The annex is made: {last}"
