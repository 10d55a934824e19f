"""The whole way at an API on loopback: plan, consent, job, version, reply."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from registry.store import Registry
from tests.trainer.hosted.conftest import Atself
from tests.trainer.hosted.endpoints import BASE, KEY, REPLY
from tests.trainer.hosted.loopback import HostedServer


def planned(atself: Atself) -> str:
    """The id of the plan."""
    return str(atself("hosted", "plan", "--json").json["id"])


def test_from_plan_to_a_reply_of_the_promoted_model(
    atself: Atself, server: HostedServer, home: Path
) -> None:
    plan = planned(atself)
    assert server.requests == []
    made = atself("hosted", "start", "--consent", plan, "--json")
    assert made.code == 0, made.err
    job = next(iter(server.jobs.values()))
    assert made.json["model"] == job.fine_tuned_model
    assert made.json["cost"] == round(123_456 * 5 / 1e6, 4)
    assert (made.json["train loss"], made.json["validation loss"]) == (1.75, 1.875)
    assert "step 3/3" in made.err
    assert Registry(home / "models").serving() is None
    promoted = atself("models", "promote", str(made.json["version"]))
    assert f"it answers at {server.url}" in promoted.err
    said = atself("chat", "--say", "nice_guy: how is the cat?", "--seed", "1", "--json")
    assert said.code == 0, said.err
    assert REPLY in said.out
    assert server.bodies[-1]["model"] == job.fine_tuned_model
    assert server.bodies[-1]["messages"][0]["content"] == Registry(home / "models").get().head


def test_the_base_is_asked_where_its_model_answers(atself: Atself, server: HostedServer) -> None:
    atself("hosted", "start", "--consent", planned(atself))
    atself("models", "promote", "v1")
    said = atself("chat", "--model", "base", "--say", "nice_guy: hi", "--json")
    assert said.code == 0, said.err
    assert server.bodies[-1]["model"] == BASE


def test_models_lists_shows_and_rolls_back_a_remote_version(
    atself: Atself, server: HostedServer, home: Path
) -> None:
    atself("hosted", "start", "--consent", planned(atself))
    assert "at a server" in atself("models", "list").out
    shown = atself("models", "show", "v1", "--json").json
    assert shown["remote"] == {"server_url": server.url, "model": "ft:tiny-chat-1:us:me:ftjob-0003"}
    assert f"at {server.url}" in atself("models", "show", "v1").out
    atself("hosted", "start", "--again", "--consent", planned(atself))
    assert len(server.jobs) == 2
    for version in ("v1", "v2"):
        assert atself("models", "promote", version).code == 0
    assert atself("models", "rollback").code == 0
    serving = Registry(home / "models").serving()
    assert serving is not None
    assert serving.version == "v1"


def test_the_key_is_written_nowhere(atself: Atself, server: HostedServer, home: Path) -> None:
    atself("hosted", "start", "--consent", planned(atself))
    atself("models", "promote", "v1")
    for path in home.rglob("*"):
        if path.is_file():
            assert KEY.encode() not in path.read_bytes(), path


def test_the_same_command_again_sends_and_pays_nothing(
    atself: Atself, server: HostedServer
) -> None:
    plan = planned(atself)
    atself("hosted", "start", "--consent", plan)
    seen = len(server.requests)
    again = atself("hosted", "start", "--consent", plan, "--json")
    assert again.json["version"] == "v1"
    assert "--again pays for another" in again.err
    assert len(server.requests) == seen


def test_a_job_can_be_left_alone_and_followed_later(atself: Atself, server: HostedServer) -> None:
    started = atself("hosted", "start", "--consent", planned(atself), "--no-follow", "--json")
    assert started.json["status"] == "validating_files"
    [row] = orjson.loads(atself("hosted", "status", "--json").out)
    assert (row["run"], row["status"], row["files there"]) == (
        started.json["run"],
        "validating_files",
        2,
    )
    assert atself("hosted", "follow", "--json").json["version"] == "v1"
    assert server.count("POST", "/jobs") == 1


def test_a_cancelled_job_is_stopped_and_can_be_begun_anew(
    atself: Atself, server: HostedServer
) -> None:
    plan = planned(atself)
    atself("hosted", "start", "--consent", plan, "--no-follow")
    assert atself("hosted", "cancel", "--json").json["status"] == "cancelled"
    followed = atself("hosted", "follow")
    assert followed.code == 1
    assert "was cancelled" in followed.err
    assert atself("hosted", "start", "--consent", plan).code == 0
    assert [job.status for job in server.jobs.values()] == ["cancelled", "succeeded"]
    assert server.count("POST", "/files") == 2


def test_what_was_sent_can_be_withdrawn(atself: Atself, server: HostedServer) -> None:
    plan = planned(atself)
    atself("hosted", "start", "--consent", plan, "--no-follow")
    refused = atself("hosted", "withdraw", plan)
    assert refused.code == 1
    assert "still needs the files" in refused.err
    atself("hosted", "follow")
    assert atself("hosted", "withdraw", plan, "--json").json["deleted"] == 2
    assert server.files == {}


def test_a_run_is_not_followed_at_another_address(
    atself: Atself, server: HostedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    atself("hosted", "start", "--consent", planned(atself), "--no-follow")
    monkeypatch.setenv("ATSELF_HOSTED__SERVER_URL", "http://127.0.0.1:9/v1")
    followed = atself("hosted", "follow")
    assert followed.code == 1
    assert f"was sent to {server.url}" in followed.err


def test_a_remote_model_is_asked_without_a_key_of_another_address(
    atself: Atself, server: HostedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    atself("hosted", "start", "--consent", planned(atself))
    atself("models", "promote", "v1")
    monkeypatch.setenv("ATSELF_HOSTED__SERVER_URL", "http://127.0.0.1:9/v1")
    said = atself("chat", "--say", "nice_guy: hi")
    assert said.code == 1
    assert "HTTP 401" in said.err
    assert "set the key of this address" in said.err
