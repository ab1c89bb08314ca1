"""The conformance of server.py: each trial of siospec is a test, and `pytest -k upgrade` plays only those."""

import json
import os
import subprocess
from pathlib import Path

import pytest

SIOSPEC = os.environ.get("SIOSPEC", "siospec")
HERE = Path(__file__).parent
TRIALS = subprocess.run([SIOSPEC, "run", "--list"], check=True, capture_output=True, text=True).stdout.splitlines()


@pytest.fixture(scope="session")
def outcomes(request, tmp_path_factory):
    """What came of each trial that pytest selected, from one run of siospec."""
    report = tmp_path_factory.mktemp("siospec") / "run.json"
    command = [SIOSPEC, "run", "--quiet", "--target", str(HERE), "--report", f"json={report}"]
    names = [item.callspec.params["trial"] for item in request.session.items if item.originalname == "test_conformance"]
    if len(names) < len(TRIALS):
        command += ["--exact", *(f"--filter={name}" for name in names)]
    said = subprocess.run(command, capture_output=True, text=True)
    if said.returncode in (2, 3):
        pytest.fail(said.stdout + said.stderr, pytrace=False)
    return {outcome["trial"]: outcome for outcome in json.loads(report.read_text())["outcomes"]}


@pytest.mark.parametrize("trial", TRIALS)
def test_conformance(trial, outcomes):
    outcome = outcomes[trial]
    verdict = outcome["verdict"]
    kind, failure = verdict["kind"], verdict.get("failure")
    if kind == "passed":
        return
    if kind == "known-deviation":
        pytest.xfail(verdict["known"]["reason"])
    words = [outcome["title"], kind, verdict.get("reason", "")]
    if failure:
        words += [f"{failure['file']}:{failure['line']}: {failure['message']}"]
        words += [f"{what}: {failure[what]}" for what in ("expected", "received") if what in failure]
    words += [f"again: {outcome['replay']}"]
    if kind != "unexpected-pass" and (kind == "not-offered" or not outcome["gates"]):
        pytest.skip(verdict.get("reason") or "differs, and does not gate")
    pytest.fail("\n".join(filter(None, words)), pytrace=False)
