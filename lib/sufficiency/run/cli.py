"""The command line: every job that is not a notebook."""

import argparse
import json
import linecache
import sys
import traceback
from pathlib import Path

FORMATS = ("html", "docx", "pdf", "xlsx")
INTERRUPTED = 130


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code; a user's mistake is one line, never a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    options = _parser().parse_args(arguments)
    try:
        return options.job(options) or 0
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return INTERRUPTED
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        print(f"error: {place}{error.strerror or error}", file=sys.stderr)
    except ValueError as error:
        if not _deliberate(error):
            raise
        print(f"error: {error}", file=sys.stderr)
    return 1


def _deliberate(error: ValueError) -> bool:
    """Whether our own code raised it in so many words; any other ValueError is a bug to show."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    ours = Path(last.filename).is_relative_to(Path(__file__).parents[1])
    return ours and linecache.getline(last.filename, last.lineno).strip().startswith("raise ")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("sufficiency", description=__doc__.splitlines()[0])
    jobs = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    annex = _job(jobs, "annex", _annex, "make a case's annex: documents, results, manifest")
    annex.add_argument("name", help="a case under params/councils, a path to one, or all")
    annex.add_argument("--draws", type=int, default=10_000, help="simulated worlds (10000)")
    annex.add_argument("--seed", type=int, default=1, help="the worlds' seed (1)")
    annex.add_argument("--scenario", default="", help="a scenario of the case file")
    annex.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="sets")
    annex.add_argument("--as-known", default="", metavar="YYYY-MM", help="forget what came later")
    annex.add_argument("--formats", default=",".join(FORMATS), help="html,docx,pdf,xlsx")
    annex.add_argument("--again", action="store_true", help="make a finished run afresh")
    annex.add_argument("--out", default="", help="folder for the outputs (outputs)")
    check = _job(jobs, "check", _check, "read a case file and list every problem in it")
    check.add_argument("name", help="a case under params/councils, or a path to one")
    new = _job(jobs, "new-case", _new_case, "start a case from a council's own tables")
    new.add_argument("name", help="name of the new case")
    new.add_argument("--transitions", metavar="DIR", help="folder with transitions.csv")
    new.add_argument("--sen2", metavar="DIR", help="folder of SEN2 modules, or of such folders")
    new.add_argument("--establishments", metavar="FILE", help="urn, ukprn and type (for --sen2)")
    new.add_argument("--published", metavar="DIR",
                     help="folder of published series; with --sen2, for the population only")
    new.add_argument("--ssda903", metavar="DIR", help="folder of SSDA903 files, or of years")
    new.add_argument("--council", default="", help="its name or code in the published series")
    new.add_argument("--by-need", action="store_true", help="keep needs apart (transitions)")
    new.add_argument("--extends", default="", metavar="CASE",
                     help="a case to make another of, with its children in care (--ssda903)")
    new.add_argument("--force", action="store_true", help="replace a case of that name")
    list_ = _job(jobs, "premium", _premium, "how much dearer spot is in a placement list")
    list_.add_argument("file", help="CSV with a row a placement; says what columns it lacks")
    list_.add_argument("--setting", default="", help="compare the placements of one setting")
    _many(jobs)
    _job(jobs, "refresh", _refresh, "re-run the committed notebooks and keep their outputs")
    return parser


def _many(jobs):
    """The commands that look at many runs."""
    sweep = _job(jobs, "sweep", _sweep, "councils x scenarios x values, into one tidy table")
    sweep.add_argument("names", nargs="*", help="cases under params/councils, or paths to some")
    sweep.add_argument("--scenarios", default="", help="names, comma between; as_it_stands; all")
    sweep.add_argument("--set", action="append", default=[], metavar="KEY=V,V", dest="sets")
    sweep.add_argument("--draws", type=int, default=10_000, help="simulated worlds (10000)")
    sweep.add_argument("--seed", type=int, default=1, help="the worlds' seed (1)")
    sweep.add_argument("--processes", type=int, help="local processes (as many as processors)")
    sweep.add_argument("--scheduler", default="", metavar="tcp://...", help="a Dask cluster")
    sweep.add_argument("--published", default="", metavar="DIR", help="a published series")
    sweep.add_argument("--councils", nargs="+", default=["all"], help="names among those, or all")
    sweep.add_argument("--out", default="", help="folder of the sweep (outputs/sweeps/<its id>)")
    sweep.add_argument("--again", action="store_true", help="work out finished tasks afresh")
    compare = _job(jobs, "compare", _compare, "what differs between two finished runs")
    compare.add_argument("runs", nargs=2, metavar="RUN", help="a run's folder, or its id's start")
    compare.add_argument("--public", action="store_true", help="compare the public editions")
    compare.add_argument("--out", default="", help="folder (outputs/comparisons/<both ids>)")
    past = _job(jobs, "track-record", _track_record, "how wrong the method has been before")
    past.add_argument("--data", required=True, metavar="DIR", help="folder of published series")
    past.add_argument("--from", type=int, required=True, dest="first", help="first January")
    past.add_argument("--to", type=int, required=True, dest="last", help="last January")
    past.add_argument("--council", default="", help="one council, by its name or code")
    past.add_argument("--out", default="", metavar="FILE", help="CSV of every forecast")
    past.add_argument("--draws", type=int, default=1000, help="simulated worlds each (1000)")
    past.add_argument("--seed", type=int, default=1, help="the worlds' seed (1)")
    past.add_argument("--processes", type=int, default=2, help="side by side (2)")
    past.add_argument("--keep", action="store_true", help="keep the scores under params")
    past.add_argument("--fit", action="store_true",
                      help="first fit growth to the past, and keep it in params/national.yaml")


def _job(jobs, name, function, text):
    job = jobs.add_parser(name, help=text, description=text)
    job.set_defaults(job=function)
    return job


def _annex(options) -> int:
    from sufficiency.case import find_root
    from sufficiency.run.annex import make_annex
    from sufficiency.run.parameters import ParameterError, Parameters

    root = find_root()
    out = Path(options.out or root / "outputs").resolve()
    formats = [name for name in options.formats.split(",") if name]
    if not formats or set(formats) - set(FORMATS):
        raise ParameterError(f"--formats: found {options.formats!r}; allowed: {', '.join(FORMATS)}")
    if any("=" not in item or ";" in item for item in options.sets):
        raise ParameterError(f"--set: found {options.sets}; allowed: KEY=VALUE, one at a time")
    names = [options.name]
    if options.name == "all":
        names = sorted(path.stem for path in (root / "params" / "councils").glob("*.yaml"))
    for name in names:
        parameters = Parameters(
            *(name, options.scenario, options.draws, options.seed, "; ".join(options.sets)),
            options.as_known,
        )
        print(make_annex(parameters, out, formats, options.again))
    return 0


def _check(options) -> int:
    from sufficiency.case import load_case

    case = load_case(options.name)
    log = case.log()
    quality = log["quality"].value_counts().sort_index()
    counts = ", ".join(f"{count} {name}" for name, count in quality.items())
    print(f"{case.name}: OK: {len(log)} rows ({counts}), {len(case.files)} files, {case.as_at}")
    return 0


def _new_case(options) -> int:
    from sufficiency.case import find_root
    from sufficiency.case.new import new_case
    from sufficiency.run.forecast import gaps

    if options.extends and not options.ssda903:
        raise ValueError("new-case: found --extends without --ssda903; allowed with it")
    if options.ssda903:
        from sufficiency.case.new_care import new_care_case

        if options.transitions or options.sen2 or options.published:
            raise ValueError("new-case: found --ssda903 beside another source; allowed alone")
        path, notices = new_care_case(options.name, options.ssda903, find_root(), options.force,
                                      options.council, options.extends)
    else:
        path, notices = new_case(options.name, options.transitions, options.published,
                                 options.council, find_root(), options.force, options.by_need, gaps,
                                 options.sen2, options.establishments)
    print("\n".join(notices), file=sys.stderr)
    print(path)
    return 0


def _premium(options) -> int:
    from sufficiency.case.returns.placement_list import listed_problems, read_placement_list
    from sufficiency.model.costs.premium import premium

    read = read_placement_list(options.file)
    for line in (*read.notices, *listed_problems(read)):
        print(line, file=sys.stderr)
    frame, settings = read.placements, sorted(set(read.placements["setting"]))
    if options.setting:
        frame = frame[frame["setting"] == options.setting.casefold()]
        if not len(frame):
            raise ValueError(f"--setting: found {options.setting!r}; allowed {', '.join(settings)}")
    found = premium(frame)
    print(read.totals.to_string(float_format="{:,.0f}".format), end="\n\n")
    print("bought: " + ", ".join(f"{count} {name}" for name, count in found.counts.items()))
    print(found.table().to_string(float_format="{:+.1%}".format))
    for line in (*found.notes, *(f"The list cannot tell: {text}." for text in found.reasons)):
        print(line)
    if not found.reasons:
        said = found.assumption(f"{Path(options.file).name}, like children, not a causal estimate")
        print("premium: {" + ", ".join(f"{key}: {json.dumps(x)}" for key, x in said.items()) + "}")
    return 0


def _refresh(options) -> int:
    from sufficiency.case import find_root
    from sufficiency.run.notebooks import refresh

    for path in sorted((find_root() / "notebooks").glob("*.ipynb")):
        refresh(path)
        print(path.name)
    return 0


def _sweep(options) -> int:
    from sufficiency.case import find_root
    from sufficiency.run import sweep

    return sweep.run(options, find_root())


def _compare(options) -> int:
    from sufficiency.case import find_root
    from sufficiency.run import compare

    return compare.run(options, find_root())


def _track_record(options) -> int:
    from sufficiency.case import find_root
    from sufficiency.report.skill_views import printed
    from sufficiency.run import track_record as past

    if (options.keep or options.fit) and options.council:
        raise ValueError("--keep, --fit: found with --council; allowed for all councils only")
    if options.fit:
        from sufficiency.run import fit

        found = fit.fitted(options.data, options.first, options.last, options.seed,
                           options.processes)
        fit.keep(found, find_root())
        past.dated.cache_clear()
    record = past.track_record(options.data, options.first, options.last, options.council,
                               options.draws, options.seed, options.processes)
    if options.out:
        past.write(record, options.out)
    if options.keep:
        past.keep(record, find_root())
    print(printed(record.rows, record.left_out))
    return 0
