"""The client against a GitHub on loopback: retries, the one deadline, pages, rate limits, Enterprise Server."""

from __future__ import annotations

import time
from collections.abc import Iterator
from email.utils import formatdate

import pytest

from coordinator.github.client import Client, Json, connect
from coordinator.github.failure import GitHubError
from coordinator.inputs import GitHubContext
from tests.github.fake import REPOSITORY, FakeGitHub
from tests.github.wire import Fault


class Clock:
    """Time that only passes in sleep."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


def open_client(fake: FakeGitHub, clock: Clock, seconds: float = 120) -> Client:
    context = GitHubContext(repository=REPOSITORY, api_url=fake.url, token=fake.token)
    return connect(context, deadline_seconds=seconds, clock=clock, sleep=clock.sleep)


@pytest.fixture
def client(fake: FakeGitHub, clock: Clock) -> Iterator[Client]:
    with open_client(fake, clock) as client:
        yield client


def post(client: Client, body: str = "hello") -> Json:
    listing = client.path("issues", 12, "comments")

    def adopt() -> Json | None:
        return next((item for item in client.pages(listing) if item["body"] == body), None)

    return client.post(listing, {"body": body}, adopt=adopt)


def test_a_get_is_tried_again_after_a_fault(fake: FakeGitHub, client: Client, clock: Clock) -> None:
    fake.faults = [Fault(502), Fault(cut=True), Fault(503)]
    fake.comment("issues/12", "hello")
    assert [item["body"] for item in client.pages(client.path("issues", 12, "comments"))] == ["hello"]
    assert clock.slept == [1, 2, 4]


def test_a_fault_that_stays_ends_after_a_few_tries(fake: FakeGitHub, client: Client) -> None:
    fake.faults = [Fault(502)] * 9
    with pytest.raises(GitHubError, match="GitHub answered 502: Bad gateway"):
        client.get(client.path("deployments"))
    assert len(fake.calls) == 5


def test_a_patch_is_sent_again_after_a_fault(fake: FakeGitHub, client: Client) -> None:
    comment = fake.comment("issues/12", "old")
    fake.faults = [Fault(502, "PATCH", effect=True)]
    client.patch(client.path("issues", "comments", comment["id"]), {"body": "new"})
    assert fake.bodies("issues/12") == ["new"]
    assert fake.count("PATCH") == 2


def test_deleting_what_is_gone_is_fine(fake: FakeGitHub, client: Client) -> None:
    comment = fake.comment("issues/12", "old")
    fake.faults = [Fault(502, "DELETE", effect=True)]
    client.delete(client.path("issues", "comments", comment["id"]))
    assert fake.bodies("issues/12") == []


@pytest.mark.parametrize("cut", [False, True], ids=["502", "cut connection"])
def test_a_post_that_took_effect_before_it_failed_is_adopted(fake: FakeGitHub, client: Client, cut: bool) -> None:
    fake.faults = [Fault(502, "POST", effect=True, cut=cut)]
    assert post(client)["id"] == fake.comments["issues/12"][0]["id"]
    assert fake.bodies("issues/12") == ["hello"]
    assert fake.count("POST") == 1


def test_a_post_without_effect_is_sent_again(fake: FakeGitHub, client: Client) -> None:
    fake.faults = [Fault(502, "POST"), Fault(429, "POST", headers={"Retry-After": "3"})]
    post(client)
    assert fake.bodies("issues/12") == ["hello"]
    assert fake.count("POST") == 3


def test_a_post_is_looked_for_even_where_no_time_is_left_to_send_it_again(fake: FakeGitHub, clock: Clock) -> None:
    fake.faults = [Fault(502, "POST", effect=True)]
    with open_client(fake, clock, seconds=0.5) as client:
        assert post(client)["body"] == "hello"


def test_all_pages_are_read(fake: FakeGitHub, client: Client) -> None:
    for number in range(250):
        fake.comment("issues/12", str(number))
    assert len(list(client.pages(client.path("issues", 12, "comments")))) == 250
    assert [call.query["page"] for call in fake.calls] == ["1", "2", "3"]


def test_a_refusal_is_not_tried_again(fake: FakeGitHub, client: Client, clock: Clock) -> None:
    fake.permissions = {}
    with pytest.raises(GitHubError, match="Resource not accessible") as caught:
        post(client)
    assert caught.value.refused
    assert (len(fake.calls), clock.slept) == (1, [])


@pytest.mark.parametrize(
    ("status", "message", "headers", "wait"),
    [
        (403, "You have exceeded a secondary rate limit.", {"Retry-After": "7"}, 7),
        (403, "You have exceeded a secondary rate limit.", {}, 60),
        (429, "Too many", {}, 60),
        (503, "Busy", {"Retry-After": "9"}, 9),
        (403, "API rate limit exceeded", {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1900000030"}, 31),
        (403, "API rate limit exceeded", {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1", "Date": "?"}, 60),
    ],
)
def test_a_rate_limit_is_waited_for_as_the_server_says(
    fake: FakeGitHub, client: Client, clock: Clock, status: int, message: str, headers: dict[str, str], wait: int
) -> None:
    date = {"Date": formatdate(1_900_000_000, usegmt=True)}  # the server's clock, not this machine's
    fake.faults = [Fault(status, message=message, headers=date | headers)]
    client.get(client.path("deployments"))
    assert clock.slept == [wait]


def test_a_rate_limit_longer_than_the_deadline_ends_at_once(fake: FakeGitHub, client: Client, clock: Clock) -> None:
    fake.faults = [Fault(429, headers={"Retry-After": "3000"})]
    with pytest.raises(GitHubError, match="the next try would be in 3000 s, and 120 s of 120 s are left"):
        client.get(client.path("deployments"))
    assert clock.slept == []


def test_one_deadline_holds_for_all_calls(fake: FakeGitHub, client: Client, clock: Clock) -> None:
    client.get(client.path("deployments"))
    clock.now += 121
    with pytest.raises(GitHubError, match=r"posting took longer than 120 s"):
        client.get(client.path("deployments"))
    assert len(fake.calls) == 1


def test_a_hanging_answer_is_cut_off_at_the_deadline(fake: FakeGitHub) -> None:
    fake.faults = [Fault(delay=1.4)]
    context = GitHubContext(repository=REPOSITORY, api_url=fake.url, token=fake.token)
    start = time.monotonic()
    client = connect(context, deadline_seconds=1, clock=time.monotonic, sleep=time.sleep)
    with client, pytest.raises(GitHubError, match="GitHub could not be reached"):
        client.get(client.path("deployments"))
    assert time.monotonic() - start < 1.3


def test_an_address_with_a_path_is_an_enterprise_server(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with FakeGitHub(prefix="/api/v3") as fake, open_client(fake, clock) as client:
        for number in range(101):
            fake.comment("issues/12", str(number))
        assert len(list(client.pages(client.path("issues", 12, "comments")))) == 101
        post(client)
        assert fake.count("POST") == 1


def test_a_server_out_of_reach_is_named(fake: FakeGitHub, clock: Clock) -> None:
    context = GitHubContext(repository=REPOSITORY, api_url="http://127.0.0.1:9", token="t")
    client = connect(context, deadline_seconds=120, clock=clock, sleep=clock.sleep)
    with client, pytest.raises(GitHubError, match=r"GitHub could not be reached \(ConnectionError\)"):
        client.get(client.path("deployments"))
    assert clock.slept == [1, 2, 4, 8]


@pytest.mark.parametrize("address", ["api.github.com", "ftp://github.com", "https://[::1"])
def test_an_address_that_is_none_is_named(clock: Clock, address: str) -> None:
    context = GitHubContext(repository=REPOSITORY, api_url=address, token="t")
    client = connect(context, deadline_seconds=120, clock=clock, sleep=clock.sleep)
    with client, pytest.raises(GitHubError, match="is no address of GitHub's API"):
        client.get(client.path("deployments"))


def test_a_redirect_to_another_host_is_not_followed(fake: FakeGitHub, client: Client) -> None:
    fake.faults = [Fault(301, headers={"Location": "http://localhost:9/x"}), Fault(302, headers={"Location": "/x"})]
    with pytest.raises(GitHubError, match="could not be used"):
        client.get(client.path("deployments"))
    with pytest.raises(GitHubError, match="GitHub answered 302"):
        client.get(client.path("deployments"))


def test_the_token_is_not_shown() -> None:
    assert "secret" not in repr(GitHubContext(token="secret"))
