"""Points of P-256 and their thumbprints, against the library that the service does without."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from mailroom.errors import ValidationError
from mailroom.http.body import Body, object_of
from mailroom.keys.jwk import PublicJwk, fingerprint, public_jwk

KEY: Body[dict[str, PublicJwk]] = Body(object_of(("key",), key=public_jwk()))


def coordinate(value: int) -> str:
    return base64.urlsafe_b64encode(value.to_bytes(32)).rstrip(b"=").decode()


def jwk(x: int, y: int) -> PublicJwk:
    return PublicJwk(kty="EC", crv="P-256", x=coordinate(x), y=coordinate(y))


@pytest.mark.parametrize("_", range(5))
def test_the_librarys_keys_are_points_and_their_neighbours_are_none(_: int) -> None:
    point = ec.generate_private_key(ec.SECP256R1()).public_key().public_numbers()

    assert KEY.check({"key": jwk(point.x, point.y)})["key"] == jwk(point.x, point.y)
    for x, y in ((point.x ^ 1, point.y), (point.x, point.y ^ 1)):
        with pytest.raises(ValidationError):
            KEY.check({"key": jwk(x, y)})


def test_a_coordinate_is_below_the_fields_prime() -> None:
    """The same point again, written otherwise: x = 5 + p would be one."""
    prime = 2**256 - 2**224 + 2**192 + 2**96 - 1
    x = next(x for x in range(100) if pow(x**3 - 3 * x + ORDINATE, (prime - 1) // 2, prime) == 1)
    y = pow(x**3 - 3 * x + ORDINATE, (prime + 1) // 4, prime)

    assert KEY.check({"key": jwk(x, y)})
    with pytest.raises(ValidationError):
        KEY.check({"key": jwk(x + prime, y)})


def test_the_thumbprint_is_that_of_another_implementation() -> None:
    """Made with OpenSSL from the members of RFC 7517, appendix A.1."""
    key = PublicJwk(
        kty="EC", crv="P-256", x="MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4", y="4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"
    )

    assert KEY.check({"key": dict(reversed(key.items()))})
    assert fingerprint(key) == "cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s"


ORDINATE = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
