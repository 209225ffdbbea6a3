"""What is deployed: read by the tools that check it, and run as its container would run it, without a container."""

import asyncio
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from processes import running_bot
from workspace import workspace

from bot.config.settings import Settings
from bot.terminations.service import RECORD_SECONDS

SLACK_WAITS_SECONDS = 3

ROOT = Path(__file__).parents[1]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
MANIFESTS = ROOT / "deploy" / "kubernetes" / "haltbot.yaml"


def tool(name: str) -> str:
    """A program of the environment or the machine."""
    found = shutil.which(name, path=f"{Path(sys.executable).parent}:{os.environ['PATH']}:/usr/sbin")
    if found is None:
        pytest.skip(f"left out: {name} is not on this machine")
    return found


def run(*arguments: str | Path, cwd: Path | None = None, **environment: str) -> str:
    """Run a tool that must be content; returns what it printed."""
    ended = subprocess.run(
        [str(argument) for argument in arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=cwd,
        env=os.environ | environment,
    )
    assert 0 == ended.returncode, ended.stdout + ended.stderr
    return ended.stdout


def instructions(stage: int = -1) -> list[tuple[str, str]]:
    """The last stage's instructions, one tuple each."""
    text = re.sub(r"^#.*\n", "", DOCKERFILE, flags=re.MULTILINE).replace("\\\n", " ")
    last = re.split(r"^(?=FROM )", text, flags=re.MULTILINE)[stage]
    return [tuple(line.split(None, 1)) for line in last.splitlines() if line.strip()]


def instruction(name: str) -> str:
    return next(value for word, value in reversed(instructions()) if word == name)


def container_environment() -> dict[str, str]:
    """What ENV gives the process."""
    return dict(
        pair.split("=", 1) for word, value in instructions() if word == "ENV" for pair in shlex.split(value)
    )


def documents() -> dict[str, Any]:
    return {found["kind"]: found for found in yaml.safe_load_all(MANIFESTS.read_text())}


def test_the_linter_has_nothing_to_say_about_the_dockerfile():
    """No rule is switched off."""
    assert "" == run(tool("hadolint"), "--no-color", ROOT / "Dockerfile")
    assert "hadolint ignore" not in DOCKERFILE


def test_the_image_runs_as_nobody_and_holds_no_tools():
    """Its last stage adds files and a user; it neither compiles nor installs."""
    assert re.fullmatch(r"\d+:\d+", instruction("USER"))
    assert not instruction("USER").startswith("0")
    assert not any("pip" in value for word, value in instructions() if word == "RUN")
    assert json.loads(instruction("HEALTHCHECK").partition("CMD ")[2])[0] == "python"


def test_the_image_has_the_versions_that_are_tested():
    """Its lock is a part of the developers' lock, and names no index."""
    everything, image = (
        dict(re.findall(r"^([a-z0-9-]+)==(\S+)", path.read_text(), re.MULTILINE))
        for path in (ROOT / "requirements-dev.lock", ROOT / "requirements.lock")
    )

    assert {"aiohttp", "psycopg", "slack-bolt", "hatchling"} <= image.keys()
    assert {} == {name: version for name, version in image.items() if everything.get(name) != version}
    assert "pytest" not in image
    assert re.search(r"index|https?://", (ROOT / "requirements.lock").read_text()) is None


def test_what_is_copied_is_there_and_nothing_else_is_sent():
    """No .env, database or key file can reach the image."""
    copied = [value.split()[:-1] for word, value in instructions(1) if word == "COPY"]
    ignored = (ROOT / ".dockerignore").read_text().splitlines()

    sources = {source for group in copied for source in group}
    assert all((ROOT / source).exists() for source in sources)
    assert "*" == next(line for line in ignored if not line.startswith("#"))
    assert sources == {line.removeprefix("!") for line in ignored if line.startswith("!")}


def test_the_image_leaves_the_sandbox_out(tmp_path: Path):
    """What is built from what it copies has no made-up Slack in it; what a clone builds has, for the demo."""
    copied = [source for word, value in instructions(1) if word == "COPY" for source in value.split()[:-1]]
    for source in copied:
        copy = shutil.copytree if (ROOT / source).is_dir() else shutil.copy
        copy(ROOT / source, tmp_path / source)

    assert {"bot", "handlers"} == packages_built(tmp_path, tmp_path / "image")
    assert {"bot", "handlers", "sandbox"} == packages_built(ROOT, tmp_path / "clone")


def packages_built(folder: Path, into: Path) -> set[str]:
    """Build a wheel, as pip does; tell its packages."""
    run(sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", into, cwd=folder)
    (wheel,) = into.glob("*.whl")
    tops = {name.partition("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    return {top for top in tops if not top.endswith(".dist-info")}


async def test_the_container_s_command_runs_in_its_environment(tmp_path: Path):
    """As an ordinary process: it is healthy by its own check, and writes nowhere but into its volume."""
    entry = [*json.loads(instruction("ENTRYPOINT")), *json.loads(instruction("CMD"))]
    environment = container_environment()
    volume = environment["DATABASE_URL"].removeprefix("sqlite:////").partition("/")[0]
    given = {name: value for name, value in environment.items() if name.startswith("PYTHON")}
    (tmp_path / "data").mkdir(mode=0o700)

    assert ["haltbot", "run"] == entry
    assert f"/{volume}" == instruction("VOLUME") == instruction("WORKDIR")
    assert "0.0.0.0" == environment["HALTBOT_HOST"]
    assert environment["HALTBOT_PORT"] == instruction("EXPOSE")
    database = f"sqlite:////{tmp_path}/data/haltbot.db"
    async with workspace(tmp_path, start=False) as work:
        before = names(tmp_path)
        async with running_bot(work, DATABASE_URL=database, HALTBOT_HOST="0.0.0.0", **given) as bot:
            port = next(
                found[1]
                for line in bot.log
                if (found := re.search(r"Listening on http://[\d.]+:(\d+)", line))
            )
            healthy = await asyncio.to_thread(health_check, port)
            async with httpx.AsyncClient() as client:
                unsigned = await client.post(f"http://127.0.0.1:{port}/slack/events")
            code = await bot.stop(signal.SIGTERM)
        ill = await asyncio.to_thread(health_check, port)
        written = names(tmp_path) - before

    assert (0, 401, 0) == (healthy, unsigned.status_code, code)
    assert 0 != ill
    assert set() == written
    assert "haltbot.db" in names(tmp_path / "data")


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def health_check(port: str) -> int:
    """What the container's HEALTHCHECK finds."""
    _, *arguments = json.loads(instruction("HEALTHCHECK").partition("CMD ")[2])
    return subprocess.run(
        [sys.executable, *arguments],
        env=os.environ | {"HALTBOT_PORT": port},
        check=False,
        stderr=subprocess.DEVNULL,
        timeout=10,
    ).returncode


@pytest.fixture(name="compose")
def _compose(tmp_path: Path):
    """The compose file as Docker reads it, with somebody's .env beside it."""
    program = tool("docker-compose")
    shutil.copy(ROOT / "compose.yaml", tmp_path)
    shutil.copy(ROOT / ".env.example", tmp_path / ".env")

    def read(*profiles: str) -> Any:
        chosen = [word for profile in profiles for word in ("--profile", profile)]
        return json.loads(
            run(program, *chosen, "config", "--format", "json", cwd=tmp_path, POSTGRES_PASSWORD="p")
        )["services"]

    return read


def test_compose_runs_one_bot_on_a_volume(compose):
    """Without a profile there is nothing else."""
    (alone,) = compose().values()

    assert {"type": "volume", "source": "data", "target": "/data"}.items() <= alone["volumes"][0].items()
    assert "127.0.0.1" == alone["ports"][0]["host_ip"]


def test_compose_scales(compose):
    """PostgreSQL, two replicas that share it, and the balancer with the configuration that the tests run."""
    services = compose("scale")

    assert {"haltbot", "replica-1", "replica-2", "database", "balancer"} == services.keys()
    for name in ("replica-1", "replica-2"):
        assert "postgresql://haltbot:p@database/haltbot" == services[name]["environment"]["DATABASE_URL"]
        assert f"server {name}:3000" in (ROOT / "deploy" / "nginx.conf").read_text()
        assert services["balancer"]["depends_on"][name]["restart"]
    assert services["balancer"]["volumes"][0]["source"].endswith("deploy/nginx.conf")


def test_compose_gives_no_more_rights_than_needed(compose):
    """Read-only, without capabilities, and with time to let calls in flight end."""
    for name, service in compose("scale").items():
        if name != "database":
            assert service["read_only"], name
            assert ["ALL"] == service["cap_drop"], name
            assert ["no-new-privileges:true"] == service["security_opt"], name
        if name not in ("database", "balancer"):
            assert "30s" == service["stop_grace_period"], name


def test_kubernetes_knows_every_field():
    """Against the schemas of the newest version, strictly."""
    run(tool("kubernetes-validate"), "--strict", "--quiet", MANIFESTS)


def test_kubernetes_probes_what_is_there():
    """Ready before an old one goes, alive for traffic and restarts; one replica always stays."""
    found = documents()
    pod = found["Deployment"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]

    assert "/healthz" == container["livenessProbe"]["httpGet"]["path"]
    assert "/healthz" == container["readinessProbe"]["httpGet"]["path"]
    assert "/readyz" == container["startupProbe"]["httpGet"]["path"]
    assert 3000 == container["ports"][0]["containerPort"] == Settings.model_fields["haltbot_port"].default
    assert pod["terminationGracePeriodSeconds"] >= 20
    assert pod["securityContext"]["runAsNonRoot"]
    assert (
        instruction("USER") == f"{pod['securityContext']['runAsUser']}:{pod['securityContext']['runAsGroup']}"
    )
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert 1 == found["PodDisruptionBudget"]["spec"]["minAvailable"]
    assert 2 <= found["Deployment"]["spec"]["replicas"]


def test_kubernetes_names_no_setting_by_itself():
    """A Service called haltbot would set HALTBOT_PORT in every pod."""
    assert documents()["Deployment"]["spec"]["template"]["spec"]["enableServiceLinks"] is False


def test_the_pages_addresses_are_in_no_log():
    """They are secrets; what Slack calls has a balancer's limit that a check of a key must not have."""
    ingresses = [each for each in yaml.safe_load_all(MANIFESTS.read_text()) if each["kind"] == "Ingress"]
    by_paths = {
        tuple(path["path"] for path in each["spec"]["rules"][0]["http"]["paths"]): {
            name.rpartition("/")[2]: value for name, value in each["metadata"]["annotations"].items()
        }
        for each in ingresses
    }

    assert {"enable-access-log": "false"} == by_paths["/key", "/connect"]
    slack = by_paths["/slack/events",]
    assert RECORD_SECONDS < float(slack["proxy-read-timeout"])
    assert SLACK_WAITS_SECONDS >= float(slack["proxy-connect-timeout"]) + float(slack["proxy-read-timeout"])


def test_kubernetes_selects_its_own_pods():
    """Deployment, Service and budget mean the same ones."""
    found = documents()
    labels = found["Deployment"]["spec"]["template"]["metadata"]["labels"]

    assert labels == found["Deployment"]["spec"]["selector"]["matchLabels"]
    assert labels == found["Service"]["spec"]["selector"]
    assert labels == found["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"]


def test_systemd_takes_the_unit(tmp_path: Path):
    """Every option is known, and the service may do little."""
    program = tool("systemd-analyze")
    unit = tmp_path / "haltbot.service"
    text = (ROOT / "deploy" / "haltbot.service").read_text()
    unit.write_text(text.replace("/opt/haltbot/bin/haltbot", sys.executable))

    run(program, "verify", unit)
    told = run(program, "security", "--offline=yes", unit)

    (level,) = re.findall(r"exposure level for \S+: ([\d.]+)", told)
    assert float(level) < 2


def test_the_balancer_s_configuration_is_taken(tmp_path: Path):
    """nginx itself reads it, with addresses of this machine."""
    program = tool("nginx")
    text = (ROOT / "deploy" / "nginx.conf").read_text()
    path = tmp_path / "nginx.conf"
    path.write_text(re.sub(r"replica-\d:3000", "127.0.0.1:3000", text).replace(" /tmp/", f" {tmp_path}/"))

    run(program, "-t", "-q", "-c", path, "-e", tmp_path / "log", "-g", "daemon off;")


def test_every_setting_that_is_deployed_exists():
    """A variable that nothing reads would be a promise that nothing keeps."""
    texts = [
        DOCKERFILE,
        MANIFESTS.read_text(),
        *map(Path.read_text, (ROOT / "compose.yaml", ROOT / "deploy" / "haltbot.service")),
    ]
    named = set(re.findall(r"\b((?:HALTBOT|SLACK|VIBECODE|DATABASE)_[A-Z_]+)\b", "\n".join(texts)))

    assert named <= {name.upper() for name in Settings.model_fields}


def test_what_is_installed_plays_the_demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The wheel has the sandbox with its page, and needs nothing of the repository."""
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
    run(sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", tmp_path, cwd=ROOT)
    (wheel,) = tmp_path.glob("*.whl")
    installed = tmp_path / "installed"
    zipfile.ZipFile(wheel).extractall(installed)
    page = Path("sandbox/web/static")

    assert {path.name for path in (ROOT / page).iterdir()} == {
        path.name for path in (installed / page).iterdir()
    }
    assert "/terminate-workflow" in run(sys.executable, "-m", "bot", "demo", cwd=installed)
