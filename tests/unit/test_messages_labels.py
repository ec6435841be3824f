from __future__ import annotations

import pytest

from mailroom.callers import Caller
from mailroom.errors import MissingPermission, ValidationError
from mailroom.messages import labels
from mailroom.messages.inputs import LABEL_CHANGES

CALLER = Caller("o", "organization", "o")
READER = Caller("o", "organization", "o", permissions=frozenset({"message_read", "message_update", "label_trash_read"}))


def test_labels_are_trimmed_and_lower_case() -> None:
    assert labels.normalize("  Needs-Review ") == "needs-review"


@pytest.mark.parametrize("label", ["", "   ", "a\nb", "a\x00", "x" * 257, "a\ud800"])
def test_a_malformed_label_is_refused(label: str) -> None:
    with pytest.raises(ValueError):
        labels.normalize(label)


def test_system_labels_come_first_and_none_twice() -> None:
    assert labels.ordered(["zoo", "unread", "sent", "received", "unread"]) == ["received", "sent", "unread", "zoo"]


def test_changes_take_one_string_or_many_and_refuse_system_labels_by_position() -> None:
    assert LABEL_CHANGES.check({"add_labels": "Work"}) == {"add_labels": ["work"]}
    with pytest.raises(ValidationError) as refused:
        LABEL_CHANGES.check({"add_labels": ["fine", "Sent"]})
    assert refused.value.errors[0].path == ("add_labels", 1)


@pytest.mark.parametrize("label", ["spam", "received", "trash"])
def test_a_new_message_starts_without_system_and_restricted_labels(label: str) -> None:
    with pytest.raises(ValueError):
        labels.sendable(label)


def test_removal_wins() -> None:
    assert labels.changed(["unread"], add=["a", "b"], remove=["b", "unread"]) == ["a"]


def test_a_message_has_at_most_a_hundred_labels() -> None:
    full = [f"l{number}" for number in range(100)]

    with pytest.raises(ValidationError):
        labels.changed(full, add=["one-more"], remove=[])
    assert len(labels.changed(full, add=["one-more"], remove=["l0"])) == 100


def test_an_empty_change_names_both_fields() -> None:
    with pytest.raises(ValidationError) as refused:
        labels.require_change([], [], CALLER)

    assert [error.path for error in refused.value.errors] == [("add_labels",), ("remove_labels",)]


def test_a_restricted_label_needs_its_permission_also_to_be_removed() -> None:
    labels.require_change(["trash"], [], READER)
    with pytest.raises(MissingPermission):
        labels.require_change([], ["spam"], READER)
