"""What DynamoDB does when it is busy or answers get lost, which moto never does: a client that follows a script."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, EndpointConnectionError, ParamValidationError, ReadTimeoutError

from mailroom.aws.dynamodb import DynamoItemStore
from mailroom.aws.retries import ATTEMPTS, LONGEST_PAUSE_S
from mailroom.store.port import (
    Absent,
    Add,
    Check,
    ConditionFailed,
    Delete,
    Equals,
    ItemTooLarge,
    Key,
    Present,
    Put,
    Query,
    Reads,
    Set,
    StoreBusy,
    StoreError,
    TransactionCancelled,
    Update,
)
from tests.support.dynamo import TABLE_NAMES

KEY = Key("core", "org", "A")
ROW = {"pk": {"S": "org"}, "sk": {"S": "A"}, "ver": {"N": "1"}}
LOST = ReadTimeoutError(endpoint_url="http://dynamodb")


def refused(code: str, *, status: int = 400, message: str = "", **more: Any) -> ClientError:
    response: Any = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}, **more}
    return ClientError(response, "Operation")


def cancelled(*reasons: dict[str, Any]) -> ClientError:
    return refused("TransactionCanceledException", CancellationReasons=list(reasons))


class ScriptedClient:
    """Answers each call with the next line of the script; the last line stays."""

    def __init__(self, *script: Any) -> None:
        self.script = list(script)
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        def call(**arguments: Any) -> Any:
            self.calls.append((operation, arguments))
            answer = self.script.pop(0) if len(self.script) > 1 else self.script[0]
            if isinstance(answer, Exception):
                raise answer
            return answer(arguments) if callable(answer) else answer

        return call


def scripted(*script: Any) -> tuple[DynamoItemStore, ScriptedClient, list[float]]:
    client, pauses = ScriptedClient(*script), list[float]()
    return DynamoItemStore(client, TABLE_NAMES, sleep=pauses.append), client, pauses  # type: ignore[arg-type]


TRANSIENT: Sequence[Exception] = [
    refused("ProvisionedThroughputExceededException"),
    refused("ThrottlingException"),
    refused("RequestLimitExceeded"),
    refused("TransactionConflictException"),
    refused("InternalServerError", status=500),
    refused("Whatever", status=503),
    LOST,
    ConnectTimeoutError(endpoint_url="http://dynamodb"),
    EndpointConnectionError(endpoint_url="http://dynamodb"),
]


@pytest.mark.parametrize("trouble", TRANSIENT)
def test_trouble_that_passes_is_not_seen(trouble: Exception) -> None:
    store, _, pauses = scripted(trouble, trouble, {"Item": ROW})

    assert store.get(KEY) == {"pk": "org", "sk": "A", "ver": 1}
    assert len(pauses) == 2
    assert all(0 <= pause <= LONGEST_PAUSE_S for pause in pauses)


@pytest.mark.parametrize("trouble", TRANSIENT)
def test_trouble_that_stays_ends_in_busy_after_bounded_attempts(trouble: Exception) -> None:
    store, client, _ = scripted(trouble)

    with pytest.raises(StoreBusy):
        store.put(KEY, {})

    assert len(client.calls) == ATTEMPTS


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (refused("ResourceNotFoundException"), StoreError),
        (refused("AccessDeniedException"), StoreError),
        (refused("ValidationException", message="Invalid UpdateExpression"), ValueError),
        (refused("ValidationException", message="Item size has exceeded the maximum allowed size"), ItemTooLarge),
        (refused("ValidationException", message="Item size to update has exceeded the maximum allowed size"), ItemTooLarge),
        (ParamValidationError(report="ours"), StoreError),
    ],
)
def test_trouble_that_will_not_pass_is_not_repeated(answer: Exception, expected: type[Exception]) -> None:
    store, client, _ = scripted(answer)

    with pytest.raises(expected) as failure:
        store.update(KEY, [Set("a", 1)])

    assert not isinstance(failure.value, StoreBusy)
    assert len(client.calls) == 1


def test_a_transaction_keeps_its_token_over_attempts_and_two_calls_differ() -> None:
    store, client, _ = scripted(LOST, refused("TransactionInProgressException"), {})

    store.transact([Put(KEY, {}, Absent())])
    store.transact([Put(KEY, {}, Absent())])

    tokens = [arguments["ClientRequestToken"] for _, arguments in client.calls]
    assert len(set(tokens[:3])) == 1
    assert tokens[3] != tokens[0]
    assert len(tokens[0]) <= 36


def test_a_transaction_in_conflict_is_tried_again() -> None:
    conflict = cancelled({"Code": "None"}, {"Code": "TransactionConflict"})
    store, client, _ = scripted(conflict, cancelled({"Code": "ThrottlingError"}), {})

    store.transact([Put(KEY, {}), Check(Key("idx", "p", "s"), Absent())])

    assert len(client.calls) == 3


def test_a_transaction_always_in_conflict_is_busy() -> None:
    store, _, _ = scripted(cancelled({"Code": "TransactionConflict"}))

    with pytest.raises(StoreBusy):
        store.transact([Put(KEY, {})])


def test_a_failed_condition_beside_a_conflict_is_final() -> None:
    store, client, _ = scripted(cancelled({"Code": "TransactionConflict"}, {"Code": "ConditionalCheckFailed", "Item": ROW}))

    with pytest.raises(TransactionCancelled) as failure:
        store.transact([Put(KEY, {}), Check(Key("idx", "p", "s"), Absent())])

    assert failure.value.failures == {1: {"pk": "org", "sk": "A", "ver": 1}}
    assert len(client.calls) == 1


def test_a_transaction_that_grows_an_item_too_large_says_so() -> None:
    reason = {"Code": "ValidationError", "Message": "Item size to update has exceeded the maximum allowed size"}
    store, _, _ = scripted(cancelled(reason))

    with pytest.raises(ItemTooLarge):
        store.transact([Update(KEY, (Add("n", 1),))])


CONDITION_FAILED = refused("ConditionalCheckFailedException", Item=ROW)


def test_a_put_whose_lost_attempt_was_applied_succeeds() -> None:
    store, client, _ = scripted(LOST, CONDITION_FAILED)

    store.put(KEY, {"ver": 1}, Absent())

    assert len(client.calls) == 2


def test_a_put_that_lost_against_another_after_a_lost_answer_fails() -> None:
    store, _, _ = scripted(LOST, CONDITION_FAILED)

    with pytest.raises(ConditionFailed) as failure:
        store.put(KEY, {"ver": 2}, Absent())

    assert failure.value.item == {"pk": "org", "sk": "A", "ver": 1}


def test_an_update_that_may_have_been_applied_claims_neither_victory_nor_defeat() -> None:
    store, _, _ = scripted(LOST, CONDITION_FAILED)

    with pytest.raises(StoreBusy):
        store.update(KEY, [Set("ver", 1)], Equals("ver", 0))


def test_a_delete_that_may_have_been_applied_claims_neither_victory_nor_defeat() -> None:
    store, _, _ = scripted(LOST, refused("ConditionalCheckFailedException"))

    with pytest.raises(StoreBusy):
        store.delete(KEY, Present())


def test_one_of_many_that_may_have_been_applied_is_busy_unless_it_is_a_put() -> None:
    store, _, _ = scripted(LOST, CONDITION_FAILED)
    with pytest.raises(StoreBusy):
        store.write([Update(KEY, (Set("ver", 1),), Equals("ver", 0))])
    store, _, _ = scripted(LOST, CONDITION_FAILED)

    assert store.write([Put(KEY, {"ver": 1}, Absent())]) == [True]


def test_a_condition_that_fails_after_a_refusal_is_a_plain_failure() -> None:
    store, _, _ = scripted(refused("ThrottlingException"), CONDITION_FAILED)

    with pytest.raises(ConditionFailed):
        store.update(KEY, [Set("ver", 1)], Equals("ver", 0))


def test_unprocessed_keys_are_asked_for_again_until_all_are_there() -> None:
    def half(arguments: dict[str, Any]) -> dict[str, Any]:
        ((name, wanted),) = arguments["RequestItems"].items()
        middle = (len(wanted["Keys"]) + 1) // 2
        rest = wanted["Keys"][middle:]
        unprocessed = {name: {"Keys": rest, "ConsistentRead": True}} if rest else {}
        return {"Responses": {name: wanted["Keys"][:middle]}, "UnprocessedKeys": unprocessed}

    store, client, pauses = scripted(half)
    keys = [Key("core", "p", str(n)) for n in range(40)]

    assert set(store.batch_get(keys)) == set(keys)
    assert len(pauses) == len(client.calls) - 1


def test_batches_hold_at_most_a_hundred_keys_each_once() -> None:
    store, client, _ = scripted({"Responses": {}})

    store.batch_get([Key("core", "p", str(n % 150)) for n in range(300)])

    sizes = sorted(len(arguments["RequestItems"]["mailroom-core"]["Keys"]) for _, arguments in client.calls)
    assert sizes == [50, 100]


def test_keys_that_are_never_processed_end_in_busy() -> None:
    store, client, _ = scripted(lambda arguments: {"Responses": {}, "UnprocessedKeys": arguments["RequestItems"]})

    with pytest.raises(StoreBusy):
        store.batch_get([KEY])

    assert len(client.calls) == ATTEMPTS


def test_unconditional_writes_go_25_at_a_time_and_unprocessed_ones_again() -> None:
    done: list[Any] = []

    def all_but_one(arguments: dict[str, Any]) -> dict[str, Any]:
        ((name, wanted),) = arguments["RequestItems"].items()
        done.extend(wanted[1:] or wanted)
        return {"UnprocessedItems": {name: wanted[:1]} if len(wanted) > 1 else {}}

    store, client, _ = scripted(all_but_one)

    held = store.write([Put(Key("idx", "p", f"{n:02}"), {}) for n in range(28)] + [Delete(Key("idx", "p", "x"))])

    assert held == [True] * 29
    assert len(done) == 29
    assert {operation for operation, _ in client.calls} == {"batch_write_item"}
    assert max(len(arguments["RequestItems"]["mailroom-idx"]) for _, arguments in client.calls) == 25


def test_fetch_passes_on_the_trouble_of_any_part() -> None:
    def answer(arguments: dict[str, Any]) -> dict[str, Any]:
        if "KeyConditionExpression" in arguments:
            raise refused("AccessDeniedException")
        return {"Responses": {}}

    store, _, _ = scripted(answer)

    with pytest.raises(StoreError):
        store.fetch(Reads((KEY,), (Query("idx", "p", 1), Query("idx", "q", 1))))


def test_a_query_goes_on_behind_the_last_evaluated_key_until_its_limit() -> None:
    last = {"pk": {"S": "p"}, "sk": {"S": "1"}}
    store, client, _ = scripted({"Items": [ROW], "LastEvaluatedKey": last}, {"Items": [ROW, ROW], "LastEvaluatedKey": last})

    assert len(store.query(Query("core", "p", 3))) == 3

    assert [arguments["Limit"] for _, arguments in client.calls] == [3, 2]
    assert client.calls[1][1]["ExclusiveStartKey"] == last


def test_tables_are_read_consistently_and_indexes_with_their_whole_start_key() -> None:
    store, client, _ = scripted({"Items": []})

    store.query(Query("idx", "p", 3))
    store.query(Query("idx", "pod", 3, index="by_pod", start=("p", "s")))

    table, index = (arguments for _, arguments in client.calls)
    assert table["ConsistentRead"] is True
    assert index["ConsistentRead"] is False
    assert index["ExclusiveStartKey"] == {"pk": {"S": "p"}, "sk": {"S": "s"}, "by_pod": {"S": "pod"}}
