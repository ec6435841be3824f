import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailroom.errors import ValidationError
from mailroom.http.params import Params
from mailroom.http.tokens import Paging, read_paging, seal, unseal

KEY = b"k" * 32


@given(st.lists(st.one_of(st.text(), st.integers(), st.none())), st.binary())
def test_a_sealed_position_comes_back(position: list[object], bound: bytes) -> None:
    assert unseal(seal(position, bound, KEY), bound, KEY) == position


@given(st.binary(max_size=200))
def test_no_invented_token_is_accepted(raw: bytes) -> None:
    with pytest.raises(ValidationError):
        unseal(base64.urlsafe_b64encode(raw).rstrip(b"=").decode(), b"here", KEY)


@pytest.mark.parametrize("token", ["", "!", "a", "ä", "A" * 10_000, "====", "a b"])
def test_a_malformed_token_is_a_validation_error(token: str) -> None:
    with pytest.raises(ValidationError):
        unseal(token, b"here", KEY)


def page(params: dict[str, list[str]], *context: object) -> Paging:
    reader = Params(params)
    paging = read_paging(reader, key=lambda: KEY, context=context)
    reader.finish()
    return paging


def test_a_token_goes_on_only_in_the_list_it_came_from() -> None:
    token = page({}, "inbox a", ("label",)).seal(["position"])

    assert page({"page_token": [token]}, "inbox a", ("label",)).position == ["position"]
    with pytest.raises(ValidationError):
        page({"page_token": [token]}, "inbox b", ("label",))
    with pytest.raises(ValidationError):
        page({"page_token": [token]}, "inbox a", ("other",))
    with pytest.raises(ValidationError):
        page({"page_token": [token], "ascending": ["true"]}, "inbox a", ("label",))


def test_the_limit_may_change_between_pages() -> None:
    token = page({"limit": ["10"]}, "inbox a").seal([1])

    assert page({"page_token": [token], "limit": ["20"]}, "inbox a").limit == 20
