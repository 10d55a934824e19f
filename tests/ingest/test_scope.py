"""Where a search may look: nothing leaves a chat but own writings and what is marked shareable."""

from __future__ import annotations

from ingest.chat import Conversation
from ingest.scope import EVERYWHERE, Scope

GROUP = Conversation("telegram:1", "Group", "telegram")
OTHER = Conversation("telegram:2", "Other", "telegram")
PRIVATE = Conversation("telegram:3", "Wife", "telegram", is_private=True)
ESSAY = Conversation("writing:essay", "Essay", "writing")
KNOWN = (GROUP, OTHER, PRIVATE, ESSAY)


def test_a_chat_sees_itself_and_own_writings() -> None:
    scope = Scope.around(GROUP.id, KNOWN, ())
    assert scope == Scope(("telegram:1", "writing:essay"))
    assert not scope.may_show(OTHER.id, is_own=True)


def test_a_shareable_chat_lends_what_self_said_and_nothing_else() -> None:
    scope = Scope.around(GROUP.id, KNOWN, (OTHER.id,))
    assert scope.own == (OTHER.id,)
    assert scope.may_show(OTHER.id, is_own=True)
    assert not scope.may_show(OTHER.id, is_own=False)


def test_a_private_chat_is_never_shared_however_it_is_marked() -> None:
    scope = Scope.around(GROUP.id, KNOWN, (PRIVATE.id, "telegram:unknown"))
    assert scope.own == ()
    assert not scope.may_show(PRIVATE.id, is_own=True)


def test_in_a_private_chat_it_is_remembered_itself() -> None:
    assert PRIVATE.id in (Scope.around(PRIVATE.id, KNOWN, ()).chats or ())


def test_the_owner_sees_everything() -> None:
    assert EVERYWHERE.may_show(PRIVATE.id, is_own=False)
