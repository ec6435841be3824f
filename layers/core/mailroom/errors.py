"""Every error a caller can see, as one tree. Status, name and code belong to the class (spec: errors.md).

MailroomError
├── BadRequest 400 ── ValidationError, PositionExpired
├── Unauthorized 401 ── MissingAuthorization, InvalidTokenType, UnknownApiKey, ApiKeyExpired
├── Forbidden 403 ── MissingPermission, PermissionEscalation, UnrestrictedKeyRequired, MessageRejected,
│                    InboxPaused, DomainNotVerified, ResourceTaken, AlreadyExists, LimitExceeded, CannotDelete, LoopDetected
├── NotFound 404, MethodNotAllowed 405
├── Conflict 409 ── HumanLimitExceeded, RaceCondition, ResourceDeleting
├── PayloadTooLarge 413, Unprocessable 422, RateLimited 429
└── InternalError 500, ServiceUnavailable 503
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, NamedTuple

MAX_REPORTED_FIELDS = 50


class FieldError(NamedTuple):
    """One failing field: keys and indexes from the top of the body (or the query or header name), and what is wrong."""

    path: tuple[str | int, ...]
    message: str


class MailroomError(Exception):
    """An answer other than 2xx. `fix` is the caller's concrete next step; `retry_after` is in whole seconds."""

    status: ClassVar[int] = 500
    name: ClassVar[str] = "InternalServerError"
    code: ClassVar[str] = "internal_error"
    default_message: ClassVar[str] = "Internal server error"

    def __init__(self, message: str | None = None, *, fix: str | None = None, retry_after: int | None = None) -> None:
        self.message = message or self.default_message
        self.fix = fix
        self.retry_after = retry_after
        super().__init__(self.message)


class BadRequest(MailroomError):
    status, name, code = 400, "ValidationError", "validation_error"
    default_message = "The request is not valid"


class ValidationError(BadRequest):
    """Malformed body, query, header, page token or Idempotency-Key; reports all failing fields, at most 50."""

    def __init__(self, errors: Iterable[FieldError], *, fix: str | None = None) -> None:
        self.errors = tuple(errors)[:MAX_REPORTED_FIELDS]
        first = self.errors[0] if self.errors else FieldError((), self.default_message)
        where = ".".join(str(step) for step in first.path)
        super().__init__(f"{where}: {first.message}" if where else first.message, fix=fix)

    @classmethod
    def at(cls, path: str | tuple[str | int, ...], message: str) -> ValidationError:
        return cls([FieldError((path,) if isinstance(path, str) else path, message)])


class PositionExpired(ValidationError):
    """The log no longer holds what is behind a position; nothing is skipped silently."""

    name, code = "PositionExpiredError", "position_expired"
    default_message = "The position is too old: events behind it are no longer in the log"

    def __init__(self, *, fix: str | None = None) -> None:
        super().__init__([FieldError(("after",), self.default_message)], fix=fix)
        self.message = self.default_message


class Unauthorized(MailroomError):
    status, name, code = 401, "UnauthorizedError", "unauthorized"
    default_message = "Unauthorized"


class MissingAuthorization(Unauthorized):
    code = "missing_authorization"


class InvalidTokenType(Unauthorized):
    code = "invalid_token_type"


class UnknownApiKey(Unauthorized):
    code = "unknown_api_key"
    default_message = "API key not recognized"


class ApiKeyExpired(Unauthorized):
    code = "api_key_expired"
    default_message = "API key expired"


class Forbidden(MailroomError):
    status, name, code = 403, "ForbiddenError", "forbidden"
    default_message = "Forbidden"


class MissingPermission(Forbidden):
    code = "missing_permission"

    @classmethod
    def of(cls, permission: str, message: str | None = None) -> MissingPermission:
        return cls(message, fix=f"Use an API key that has the permission {permission}, or one with a wider scope.")

    @classmethod
    def unverified(cls, permission: str) -> MissingPermission:
        return cls(fix=f"The permission {permission} comes with verification: POST /v0/agent/verify the code mailed to the human.")


class OrganizationSuspended(Forbidden):
    """The credential is a good one, and not to be used before the operator resumes its organization."""

    default_message = "The organization is suspended"

    def __init__(self) -> None:
        super().__init__(fix="Ask the operator of this deployment.")


class PermissionEscalation(Forbidden):
    code = "permission_escalation"


class UnrestrictedKeyRequired(Forbidden):
    code = "unrestricted_key_required"


class MessageRejected(Forbidden):
    name, code = "MessageRejectedError", "message_rejected"
    default_message = "Message rejected"


class InboxPaused(Forbidden):
    name, code = "InboxPausedError", "inbox_paused"
    default_message = "Inbox is paused"


class DomainNotVerified(Forbidden):
    name, code = "DomainNotVerifiedError", "domain_not_verified"
    default_message = "Domain is not verified"


class ResourceTaken(Forbidden):
    name, code = "IsTakenError", "resource_taken"


class AlreadyExists(Forbidden):
    name, code = "AlreadyExistsError", "already_exists"


class LimitExceeded(Forbidden):
    name, code = "LimitExceededError", "limit_exceeded"


class CannotDelete(Forbidden):
    name, code = "CannotDeleteError", "cannot_delete"


class LoopDetected(Forbidden):
    """Nothing that clients repeat by themselves, which would feed the loop."""

    name, code = "LoopDetectedError", "loop_detected"


class NotFound(MailroomError):
    """Unknown, out of scope or hidden by label: the three must not be told apart."""

    status, name, code = 404, "NotFoundError", "not_found"
    default_message = "Resource not found"


class MethodNotAllowed(MailroomError):
    status, name, code = 405, "MethodNotAllowedError", "method_not_allowed"
    default_message = "Method not allowed"


class Conflict(MailroomError):
    status, name, code = 409, "ConflictError", "conflict"
    default_message = "Conflict"


class HumanLimitExceeded(Conflict):
    """The one limit that is not a 403 (spec: organizations-auth-apikeys.md, "POST /v0/agent/human")."""

    name, code = "LimitExceededError", "limit_exceeded"


class RaceCondition(Conflict):
    name, code = "RaceConditionError", "race_condition"
    default_message = "A concurrent change won; read again and retry"


class ResourceDeleting(Conflict):
    name, code = "ResourceDeletingError", "resource_deleting"
    default_message = "Deletion is in progress"


class PayloadTooLarge(MailroomError):
    status, name, code = 413, "PayloadTooLargeError", "payload_too_large"
    default_message = "Request body is too large"


class Unprocessable(MailroomError):
    status, name, code = 422, "UnprocessableError", "unprocessable"


class RateLimited(MailroomError):
    """Always carries `retry_after`."""

    status, name, code = 429, "RateLimitError", "rate_limit_exceeded"
    default_message = "Rate limit exceeded"


class InternalError(MailroomError):
    """Our fault; the message never carries detail."""


class ServiceUnavailable(MailroomError):
    status, name, code = 503, "ServiceUnavailableError", "service_unavailable"
    default_message = "Service temporarily unavailable"
