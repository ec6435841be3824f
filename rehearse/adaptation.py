"""Where the emulator is not AWS. Whatever is changed here, the rehearsal does not show; docs/deploy.md lists it."""

from __future__ import annotations

import json
from typing import Any

from rehearse.deployment import Deployment
from rehearse.emulator import Emulator

SENDERS = ("AgentsRole", "MessageSenderRole", "MessageRouterRole", "DraftSenderRole", "DueDraftsRole")
CALLERS_OF_SOCKETS = ("ReceiveFrameFunction", "PublishEventsFunction", "KeepSocketsAliveFunction", "CloseRevokedSocketsFunction")


def adapt(emulator: Emulator, deployment: Deployment) -> None:
    _take_plain_http(emulator, deployment)
    _let_send(emulator, deployment)
    _let_send_batches(emulator, deployment)
    _let_set_timers(emulator, deployment)
    _lead_to_sockets(emulator, deployment)
    _filter_what_is_there(emulator, deployment)


def _take_plain_http(emulator: Emulator, deployment: Deployment) -> None:
    """The emulator speaks nothing else, and the bucket refuses it."""
    emulator.client("s3").delete_bucket_policy(Bucket=deployment.outputs["BucketName"])


def _let_send(emulator: Emulator, deployment: Deployment) -> None:
    """`ses:SendEmail` is judged by the resource `*`, where SES names the identity. The verified domain is an operator's."""
    for role in SENDERS:
        _allow(emulator, deployment.resources[role], "ses:SendEmail", "ses:SendRawEmail")
    emulator.client("sesv2").create_email_identity(EmailIdentity="mailroom.local")


def _let_send_batches(emulator: Emulator, deployment: Deployment) -> None:
    """SQS knows no permission of this name: `sqs:SendMessage` is for batches too."""
    _allow(emulator, deployment.resources["PublisherRole"], "sqs:SendMessageBatch")


def _let_set_timers(emulator: Emulator, deployment: Deployment) -> None:
    """A schedule is judged as one of the group `default`, whichever it belongs to."""
    iam, policy = emulator.client("iam"), deployment.resources["TimersPolicy"]
    version = iam.get_policy(PolicyArn=policy)["Policy"]["DefaultVersionId"]
    document = iam.get_policy_version(PolicyArn=policy, VersionId=version)["PolicyVersion"]["Document"]
    group = f"/{deployment.resources['Timers']}/"
    wider = json.dumps(document).replace(group, "/default/")
    iam.create_policy_version(PolicyArn=policy, PolicyDocument=wider, SetAsDefault=True)


def _allow(emulator: Emulator, role: str, *actions: str) -> None:
    statement = {"Effect": "Allow", "Action": actions, "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    emulator.client("iam").put_role_policy(RoleName=role, PolicyName="emulator", PolicyDocument=policy)


def _lead_to_sockets(emulator: Emulator, deployment: Deployment) -> None:
    """The WebSocket API has no host of its own here, so the address that the template gives to functions leads nowhere."""
    functions = emulator.client("lambda")
    for function in CALLERS_OF_SOCKETS:
        name = deployment.resources[function]
        variables = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        variables["MAILROOM_SOCKETS_URL"] = f"{deployment.sockets(emulator)}/v0"
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": variables})


def _filter_what_is_there(emulator: Emulator, deployment: Deployment) -> None:
    """`exists: false` does not match below an attribute that is absent altogether. Without it events that have their position are
    sequenced again, which changes nothing."""
    functions = emulator.client("lambda")
    name = deployment.resources["SequenceEventsFunction"]
    (mapping,) = functions.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
    filters = [{"Pattern": _without(each["Pattern"], "pos")} for each in mapping["FilterCriteria"]["Filters"]]
    functions.update_event_source_mapping(UUID=mapping["UUID"], FilterCriteria={"Filters": filters})


def _without(pattern: str, attribute: str) -> str:
    parsed: dict[str, Any] = json.loads(pattern)
    del parsed["dynamodb"]["NewImage"][attribute]
    return json.dumps(parsed)
