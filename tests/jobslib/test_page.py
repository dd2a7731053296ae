"""The unit for systemd and the manifest for Kubernetes on the page: what they start is a command of ours."""

import configparser
import re
import shlex
import shutil
import subprocess

import pytest
import yaml

from tests.support.paths import ROOT

PAGE = (ROOT / "docs" / "jobslib.md").read_text()

TASK = "from app import Hello as Import\n"


def block(language):
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return found


@pytest.fixture
def myapp(launcher):
    """The task and the settings that the examples name."""
    folder = launcher.folder / "myapp"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "tasks.py").write_text(TASK)
    (folder / "settings.py").write_text((launcher.folder / "settings.py").read_text())
    (launcher.folder / "settings.py").unlink()
    return launcher


def test_the_unit_starts_a_launcher(myapp):
    unit = configparser.ConfigParser(interpolation=None)
    unit.optionxform = str
    unit.read_string(block("ini"))
    service = unit["Service"]
    words = shlex.split(service["ExecStart"])
    assert words[0].endswith("/jug")
    assert words[1] == "runjob"
    name, _, value = service["Environment"].partition("=")
    # Once, as the test has no time to wait for the clock.
    done = myapp("--run-once", *words[2:], **{name: value})
    assert (done.returncode, done.stdout) == (0, "Hello World\n"), done.stderr
    assert int(service["TimeoutStopSec"]) > float(words[words.index("--grace") + 1])
    assert service["Type"] == "notify"
    if shutil.which("systemd-analyze"):
        path = myapp.folder / "import.service"
        path.write_text(block("ini").replace(service["ExecStart"], "/bin/true").replace("jobs", "root"))
        checked = subprocess.run(
            ["systemd-analyze", "verify", path], capture_output=True, text=True, check=False
        )
        assert "Unknown" not in checked.stderr


def test_the_manifest_starts_a_launcher_and_asks_for_what_it_serves(myapp):
    job = yaml.safe_load(block("yaml"))
    assert (job["apiVersion"], job["kind"]) == ("batch/v1", "CronJob")
    pod = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["command"] == ["jug", "runjob"]
    words = list(container["args"])
    address = words[words.index("--health") + 1]
    words[words.index("--health") + 1] = "127.0.0.1:0"
    extra = {it["name"]: it["value"] for it in container["env"] if "value" in it}
    done = myapp(*words, **extra)
    assert (done.returncode, done.stdout) == (0, "Hello World\n"), done.stderr
    paths = set()
    for probe in ("livenessProbe", "readinessProbe"):
        asked = container[probe]["httpGet"]
        assert address.endswith(f":{asked['port']}")
        paths.add(asked["path"])
    assert paths == {"/healthz", "/readyz"}
    assert pod["terminationGracePeriodSeconds"] > float(words[words.index("--grace") + 1])
