"""`jug submit` apart from batch systems: what it refuses, what it writes, and where it remembers jobs."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from jug.batch.records import Records, Submission
from jug.batch.request import format_memory, format_time, parse_memory, parse_time
from tests.support.command import Jug
from tests.support.pbs_stand_in import PbsStandIn
from tests.support.redis_server import RedisServer
from tests.support.submitting import Submitting

JUGFILE = "from jug import TaskGenerator\n@TaskGenerator\ndef f(x):\n    return x\nf(1)\n"


@pytest.fixture
def jug(jug: Jug) -> Jug:
    """``jug`` beside a jugfile."""
    jug.write(JUGFILE)
    return jug


@pytest.fixture
def submitting(tmp_path: Path, pbs: PbsStandIn) -> Submitting:
    """``jug`` where there is a batch system, beside a jugfile of one task."""
    found = Submitting(tmp_path, pbs, "pbs")
    found.write(JUGFILE)
    return found


def printed(jug: Jug, *words: str) -> list[str]:
    """The script that would be submitted."""
    done = jug("submit", "--print", *words)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def options(lines: list[str], prefix: str) -> list[str]:
    """The options of the batch system in it."""
    return [line.removeprefix(prefix).strip() for line in lines if line.startswith(prefix)]


# --- wrong usage ---


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--system", "lsf"], "--system must be one of slurm, sge, pbs, not 'lsf'"),
        (
            ["--system=slurm", "--time", "30"],
            "--time must be a time such as 2:00:00, 1-12:00:00, 90m, 12h or 2d, not '30'",
        ),
        (["--system=slurm", "--memory", "4"], "--memory must be a size such as 500M or 4G, not '4'"),
        (["--system=slurm", "-n", "0"], "-n must be a number from 1 on, not 0"),
        (["--system=slurm", "--cpus=-1"], "--cpus must be a number from 1 on, not -1"),
        (
            ["--system=slurm", "--execute-options=--frobnicate"],
            "unrecognized arguments: --frobnicate (see 'jug execute --help')",
        ),
        (
            ["--system=slurm", "--execute-options=--keep-going -- x"],
            "--execute-options are options only; arguments of the jugfile follow --",
        ),
        (
            ["--status", "--cancel"],
            "argument --cancel: not allowed with argument --status (see 'jug submit --help')",
        ),
    ],
)
def test_wrong_usage_is_one_line(jug: Jug, words: list[str], message: str) -> None:
    done = jug("submit", *words)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"jug: error: {message}\n")


def test_where_there_is_no_batch_system_that_is_said(jug: Jug) -> None:
    """Also where one was chosen, or was used before."""
    nowhere = {"PATH": str(jug.folder)}
    done = jug("submit", env=nowhere)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "jug: error: there is no batch system on the path (sbatch of SLURM, qsub of Grid Engine or PBS Pro): "
        "run this where jobs can be submitted\n"
    )
    done = jug("submit", "--system", "slurm", env=nowhere)
    assert done.returncode == 1
    assert done.stderr.startswith("jug: error: there is no sbatch on the path")


@pytest.mark.parametrize("option", ["--status", "--cancel"])
def test_where_no_job_is_known_that_is_said(jug: Jug, option: str) -> None:
    done = jug("submit", option)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "jug: error: no job of jugfile.py is known: 'jug submit jugfile.py' submits one\n"


@pytest.mark.parametrize(
    ("commands", "system"),
    [(["sbatch", "qsub"], "SBATCH"), (["qsub", "qconf"], "$"), (["qsub"], "PBS")],
    ids=["slurm", "sge", "pbs"],
)
def test_the_system_is_the_one_whose_commands_are_there(jug: Jug, commands: list[str], system: str) -> None:
    for name in commands:
        (jug.folder / name).write_text("#!/bin/sh\n")
        (jug.folder / name).chmod(0o755)
    done = jug("submit", "--print", env={"PATH": str(jug.folder)})
    assert done.stdout.splitlines()[1].startswith(f"#{system}")


# --- scripts ---


def test_the_script_for_slurm(jug: Jug) -> None:
    lines = printed(
        *(jug, "--system=slurm", "-n", "20", "--time", "4h", "--memory", "2G", "--cpus", "4"),
        *("--partition", "short", "--execute-options=--keep-going --retries 2"),
        *("--", "--qos=low", "--", "arguments", "of a jugfile"),
    )
    assert lines[0] == "#!/bin/bash"
    assert options(lines, "#SBATCH") == [
        "--job-name=jugfile",
        "--array=1-20",
        f"--output={jug.folder}/jugfile.jugdata/batch/%A_%a.out",
        "--time=4:00:00",
        "--mem=2G",
        "--cpus-per-task=4",
        "--partition=short",
        "--signal=B:USR1@60",
        "--qos=low",
    ]
    assert lines[-1].endswith(
        "-P -m jug execute jugfile.py --keep-going --retries 2 --jugdir jugfile.jugdata "
        "-- arguments 'of a jugfile' </dev/null"
    )
    assert 'export OMP_NUM_THREADS="${OMP_NUM_THREADS:-4}"' in lines


def test_the_script_for_grid_engine(jug: Jug) -> None:
    """Memory is counted for each slot there, and names begin with a letter."""
    (jug.folder / "jugfile.py").rename(jug.folder / "2 walks.py")
    words = ("--system=sge", "-n", "3", "--time", "90m", "--memory", "3G", "--cpus", "2", "--partition", "q")
    lines = printed(jug, "2 walks.py", *words, "--", "-l", "gpu=1")
    assert options(lines, "#$") == [
        *("-S /bin/bash", "-V", "-notify", "-N jug_2_walks", "-t 1-3", "-j y"),
        f'-o "{jug.folder}/2 walks.jugdata/batch/$JOB_ID_$TASK_ID.out"',
        *("-l h_rt=1:30:00,h_vmem=1536M", "-pe smp 2", "-q q", "-l gpu=1"),
    ]


def test_a_directory_that_grid_engine_would_take_for_another_one_is_refused(jug: Jug) -> None:
    done = jug("submit", "--print", "--system=sge", "--jugdir", "of $USER")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"jug: error: Grid Engine puts something else in the place of $ in {jug.folder}/of $USER/batch, "
        "where the output of workers would go: choose another --jugdir\n"
    )


def test_the_script_for_pbs(jug: Jug) -> None:
    """It takes no array of a single element."""
    lines = printed(jug, "--system=pbs", "--time", "1-0:00:00", "--memory", "512M")
    assert options(lines, "#PBS") == [
        *("-S /bin/bash", "-V", "-N jugfile", "-j oe", f"-o {jug.folder}/jugfile.jugdata/batch/"),
        *("-l walltime=24:00:00", "-l select=1:mem=512mb"),
    ]
    assert "-J 1-2" in options(printed(jug, "--system=pbs", "-n", "2"), "#PBS")


def test_nothing_is_written_where_a_script_is_only_shown(jug: Jug) -> None:
    before = sorted(jug.folder.iterdir())
    printed(jug, "--system=slurm")
    assert sorted(jug.folder.iterdir()) == before


def test_several_workers_in_a_job_share_its_processors(jug: Jug) -> None:
    lines = printed(jug, "--system=slurm", "--workers-per-job", "2", "--cpus", "8")
    assert "#SBATCH --cpus-per-task=8" in lines
    assert "execute jugfile.py -n 2 --threads-per-worker 4 " in lines[-1]
    assert not any("OMP_NUM_THREADS" in line for line in lines)
    assert "#SBATCH --cpus-per-task=3" in printed(jug, "--system=slurm", "--workers-per-job", "3")


def test_settings_may_stand_in_a_configuration_file(jug: Jug) -> None:
    (jug.folder / "jugrc").write_text("[submit]\nsystem = sge\ntime = 2h\nn-workers = 7\ncpus = 2\n")
    lines = options(printed(jug), "#$")
    assert {"-t 1-7", "-l h_rt=2:00:00", "-pe smp 2"} <= {*lines}


@pytest.mark.parametrize("system", ["slurm", "sge", "pbs"])
def test_every_script_is_one_that_bash_takes(jug: Jug, system: str) -> None:
    script = "\n".join(printed(jug, f"--system={system}", "--cpus", "2", "--", "--", "it's", '"$x"'))
    done = subprocess.run(["bash", "-n"], input=script, text=True, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("2:00:00", 7200), ("1-12:30:05", 131405), ("90m", 5400), ("1.5h", 5400), ("2d", 172800), ("45 S", 45)],
)
def test_times_are_read(text: str, seconds: int) -> None:
    assert parse_time(text) == seconds
    assert parse_time(format_time(seconds)) == seconds


@pytest.mark.parametrize("text", ["", "30", "2:30", "0m", "-1h", "1:60:00", "1 week", "h"])
def test_what_is_no_time_or_means_another_one_elsewhere_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be a time such as"):
        parse_time(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [("4G", "4G"), ("4GB", "4G"), ("1.5g", "1536M"), ("2048M", "2G"), ("1T", "1T"), ("100 KiB", "100K")],
)
def test_sizes_are_read_as_batch_systems_count_them(text: str, shown: str) -> None:
    assert format_memory(parse_memory(text)) == shown


@pytest.mark.parametrize("text", ["", "4", "0G", "-1G", "4X", "many"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be a size such as"):
        parse_memory(text)


# --- stores ---


def test_a_jugdir_is_made_for_workers_of_several_hosts(submitting: Submitting) -> None:
    submitting.submit()
    assert "claims link" in (submitting.folder / "jugfile.jugdata" / "FORMAT").read_text()
    submitting.wait_for_states("1 ended")
    assert submitting("check").returncode == 0


def test_a_jugdir_for_one_host_is_refused_unless_that_is_meant(submitting: Submitting) -> None:
    """The line says what opens it to others."""
    assert submitting("init-store", "--claims=posix").returncode == 0
    done = submitting("submit", "--system=pbs")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "jug: error: jugfile.jugdata is for workers on one host only (its claims are in mode posix): "
        "'jug init-store --claims=link --jugdir jugfile.jugdata' opens it to others, and --claims=posix "
        "submits workers that all run on one\n"
    )
    submitting.submit("--claims=posix")
    submitting.wait_for_states("1 ended")
    assert submitting("check").returncode == 0


def test_a_store_in_memory_is_refused(submitting: Submitting) -> None:
    done = submitting("submit", "--system=pbs", "--jugdir", "dict_store:results")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("jug: error: no other process can use dict_store:results: ")


def test_jobs_on_a_server_are_remembered_beside_the_jugfile(
    submitting: Submitting, redis_server: RedisServer
) -> None:
    """What a URL in a configuration file says is not repeated: it may have a password."""
    (submitting.folder / "jugrc").write_text(f"[main]\njugdir = {redis_server.url}/0\n")
    submitting.submit()
    submitting.wait_for_states("1 ended")
    assert submitting("check").returncode == 0
    [script] = (submitting.folder / "jugfile.jugbatch").glob("*.sh")
    assert "redis" not in script.read_text()
    assert [*(submitting.folder / "jugfile.jugbatch").glob("jugfile.o*")]


def test_no_password_gets_into_a_script(jug: Jug) -> None:
    done = jug("submit", "--system=slurm", "--print", "--jugdir", "redis://ada:secret@example.org/0")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "jug: error: the password of redis://example.org/0 would stand in a script: put the jugdir into a "
        "jugrc file\n"
    )


def test_a_jugfile_may_choose_its_store_itself(submitting: Submitting) -> None:
    submitting.write(f"import jug\njug.set_jugdir('other')\n{JUGFILE}")
    submitting.submit()
    submitting.wait_for_states("1 ended")
    assert not (submitting.folder / "jugfile.jugdata").exists()
    assert "claims link" in (submitting.folder / "other" / "FORMAT").read_text()


def test_a_jugfile_that_does_not_load_is_not_submitted(submitting: Submitting) -> None:
    submitting.write("import nosuchmodule\n")
    done = submitting("submit", "--system=pbs")
    assert (done.returncode, done.stdout) == (1, "")
    assert "No module named 'nosuchmodule'" in done.stderr
    assert submitting("submit", "--status").returncode == 1


# --- what is remembered ---


def test_several_submissions_are_remembered(submitting: Submitting) -> None:
    ids = [submitting.submit("-n", "2"), submitting.submit()]
    shown = submitting("submit", "--status").stdout.splitlines()
    assert shown[0].split() == ["Job", "System", "Submitted", "Workers"]
    assert [line.split()[0] for line in shown[1:]] == ids


def test_half_a_line_costs_no_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A disk was full, or a program was killed."""
    jobs = [Submission(str(number), "slurm", 1e9 + number, 2, "x.sh") for number in range(3)]
    records = Records(str(tmp_path))
    records.prepare()
    assert records.all() == []
    records.add(jobs[0])
    with open(tmp_path / "jobs.jsonl", "a") as file:
        file.write(json.dumps(jobs[1]._asdict())[:20])
    records.add(jobs[2])
    assert records.all() == [jobs[0], jobs[2]]
    line = f"{tmp_path}/jobs.jsonl:2: this line is no record of a job"
    assert capsys.readouterr().err == f"jug: warning: {line}\n"


@pytest.mark.parametrize("written", ["--user=ada", "", "1 2", "1;x"])
def test_what_others_write_is_no_option_of_a_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], written: str
) -> None:
    """Of the group of a jugdir, for instance: it would be one of scancel's."""
    records = Records(str(tmp_path))
    records.prepare()
    records.add(Submission(written, "slurm", 1e9, 1, "x.sh"))
    assert records.all() == []
    assert "is no record of a job" in capsys.readouterr().err


def test_a_job_is_not_submitted_where_it_could_not_be_remembered(submitting: Submitting) -> None:
    assert submitting("init-store", "--claims=link").returncode == 0
    (submitting.folder / "jugfile.jugdata" / "batch").write_text("")
    # What earlier jobs write when they end does not matter.
    jobs = Path(submitting.cluster.environment["PBS_STAND_IN"])
    before = {*jobs.glob("*.sh")}
    done = submitting("submit", "--system=pbs")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    assert {*jobs.glob("*.sh")} == before
