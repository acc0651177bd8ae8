"""One comment a release and page: found by its marker and author, edited in place, never over a newer run's."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from coordinator.github.client import Client, Json
from coordinator.github.failure import GitHubError
from coordinator.model import DecisionKind
from coordinator.publishers.marker import Marker, marker_of, read, sign, unsigned
from coordinator.publishers.receipt import Posting, Receipt, failed
from coordinator.report.markdown import unchanging


@dataclass(frozen=True, slots=True)
class Page:
    """Where comments are: a pull request or a commit.

    Attributes:
        publisher: its name in ``post-to``.
        name: for messages, such as ``pull request #12``.
        listing: path that lists and takes comments.
        single: path of one comment, without its id.
        permission: what writing needs.
        repost: write a new comment where the token may not edit: on a commit, creating needs less than editing.
    """

    publisher: str
    name: str
    listing: str
    single: str
    permission: str
    repost: bool = False


@dataclass(frozen=True, slots=True)
class _Comment:
    id: int
    body: str
    url: str | None
    marker: Marker

    @property
    def rank(self) -> tuple[tuple[int, int], int]:
        """The comment that stays has the greatest: the newest run's, of one run the oldest."""
        return (self.marker.run, -self.id)


def publish_comment(posting: Posting, page: Page) -> Receipt:
    """Write this run's comment on a page, or find that nothing is to be written.

    Args:
        posting: the report, and how to post.
        page: where.

    Returns:
        The receipt; a failure is one too.
    """
    try:
        return _Sticky(posting, page).publish()
    except GitHubError as error:
        return failed(page.publisher, error, page.permission, posting.context)


class _Sticky:
    def __init__(self, posting: Posting, page: Page) -> None:
        self.posting = posting
        self.page = page
        self.client: Client = posting.client
        self.marker = marker_of(posting.context, posting.config, posting.target)
        self.body = sign(posting.body, self.marker)
        self.author = _author(self.client)

    def publish(self) -> Receipt:
        found = self._list()
        if not found:
            if self.posting.config.comment == "on-problem" and self.posting.report.decision is DecisionKind.PROMOTE:
                return Receipt(
                    self.page.publisher, True, None, "No comment: there is no problem (`comment: on-problem`)."
                )
            return self._create()
        stays = max(found, key=lambda comment: comment.rank)
        if stays.marker.run > self.marker.run:
            return self._left(stays)
        self._remove(comment for comment in found if comment.id != stays.id)
        return self._edit(stays)

    def _create(self) -> Receipt:
        answer = self.client.post(self.page.listing, {"body": self.body}, adopt=self._adopt)
        mine = self._read(answer)
        if mine is None:
            raise GitHubError("GitHub's answer was no comment")
        found = {comment.id: comment for comment in self._list()} | {mine.id: mine}
        stays = max(found.values(), key=lambda comment: comment.rank)  # another run may have commented meanwhile
        self._remove(comment for comment in found.values() if comment.id != stays.id)
        if stays.marker.run > self.marker.run:
            return self._left(stays)
        if stays.id != mine.id:
            return self._edit(stays)
        return self._done(mine, "Commented on")

    def _adopt(self) -> Json | None:
        """The comment that a failed try has made all the same."""
        wanted = self.body.split()  # GitHub may change the line ends
        return next((item for item in self._items() if _body(item).split() == wanted), None)

    def _edit(self, comment: _Comment) -> Receipt:
        old, new = unsigned(comment.body), unsigned(self.body)
        if self.posting.config.comment != "always":
            old, new = unchanging(old), unchanging(new)
        if old == new:
            return self._done(comment, "Nothing changed: left the comment on")
        try:
            self.client.patch(f"{self.page.single}/{comment.id}", {"body": self.body})
        except GitHubError as error:
            if not (error.refused and self.page.repost):
                raise
            answer = self.client.post(self.page.listing, {"body": self.body}, adopt=self._adopt)
            fresh = self._read(answer) or comment
            return self._done(fresh, f"May not edit (`{self.page.permission}`), so commented again on")
        return self._done(comment, "Edited the comment on")

    def _remove(self, comments: Iterable[_Comment]) -> None:
        """Delete duplicates of ours; a token that may not is no reason to fail."""
        for comment in comments:
            try:
                self.client.delete(f"{self.page.single}/{comment.id}")
            except GitHubError as error:
                if not error.refused:
                    raise

    def _list(self) -> list[_Comment]:
        found = [comment for item in self._items() if (comment := self._read(item))]
        return [comment for comment in found if comment.marker.key == self.marker.key]

    def _items(self) -> list[Json]:
        return [item for item in self.client.pages(self.page.listing) if self._is_ours(item)]

    def _read(self, item: Json) -> _Comment | None:
        marker = read(_body(item))
        number, url = item.get("id"), item.get("html_url")
        if marker is None or not isinstance(number, int):
            return None
        return _Comment(number, _body(item), url if isinstance(url, str) else None, marker)

    def _is_ours(self, item: Json) -> bool:
        """Anyone can copy a marker, so the author counts: our own user, or an App where we are one."""
        user = item.get("user")
        if not isinstance(user, dict):
            return False
        return user.get("type") == "Bot" if self.author is None else user.get("login") == self.author

    def _left(self, comment: _Comment) -> Receipt:
        run, attempt = comment.marker.run
        text = f"Left the comment on {self.page.name}: it is of a newer run ({run}, attempt {attempt})."
        return Receipt(self.page.publisher, True, comment.url, text)

    def _done(self, comment: _Comment, what: str) -> Receipt:
        return Receipt(self.page.publisher, True, comment.url, f"{what} {self.page.name}.")


def _body(item: Json) -> str:
    body = item.get("body")
    return body if isinstance(body, str) else ""


def _author(client: Client) -> str | None:
    """The user that the token is of; None for an App, which has none."""
    if client.acts_as_app:
        return None
    try:
        user = client.get("/user")
    except GitHubError as error:
        if error.status in {403, 404}:
            return None
        raise
    return str(user["login"]) if isinstance(user, dict) and user.get("login") else None
